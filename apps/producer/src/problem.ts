import { STATUS_CODES } from 'node:http'

/** What every error answer of the API looks like (RFC 9457), with more fields where a code has more to say. */
export type ProblemDocument = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ProblemCode
  readonly detail: string
}

/** Stable codes and the HTTP status of each: what a program acts on. Append only. */
export const PROBLEMS = {
  invalid_request: 400,
  malformed_json: 400,
  unknown_sender: 400,
  empty_body: 400,
  unreadable_body: 400,
  unreadable_header: 400,
  wrong_delimiter: 400,
  not_utf8: 400,
  missing_to_column: 400,
  duplicate_column: 400,
  missing_placeholder_column: 400,
  unknown_column: 400,
  too_many_columns: 400,
  not_an_array: 400,
  body_broke_off: 400,
  not_a_phone_number: 400,
  unauthorized: 401,
  not_found: 404,
  campaign_not_found: 404,
  not_suppressed: 404,
  sender_not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  idempotency_key_reused: 409,
  campaign_not_open: 409,
  campaign_empty: 409,
  campaign_expired: 409,
  wrong_status: 409,
  recipients_gone: 410,
  body_too_large: 413,
  unsupported_media_type: 415,
  unsupported_encoding: 415,
  internal_error: 500,
  store_unavailable: 503,
  store_full: 503,
  too_busy: 503,
  stopping: 503,
} as const satisfies Readonly<Record<string, number>>

export type ProblemCode = keyof typeof PROBLEMS

/** Thrown by handlers; becomes the answer. */
export class Problem extends Error {
  readonly code: ProblemCode
  /** Further fields of the document. */
  readonly more: Readonly<Record<string, unknown>>

  constructor(code: ProblemCode, detail: string, more: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(detail, options)
    this.code = code
    this.more = more
  }

  get status(): number {
    return PROBLEMS[this.code]
  }

  document(): ProblemDocument & Readonly<Record<string, unknown>> {
    return {
      type: `urn:chasqui:problem:${this.code}`,
      title: STATUS_CODES[this.status] ?? 'Error',
      status: this.status,
      code: this.code,
      detail: this.message,
      ...this.more,
    }
  }
}

export function campaignNotFound(id: string): Problem {
  return new Problem('campaign_not_found', `there is no campaign ${id}, or the time for which it was kept is over`)
}
