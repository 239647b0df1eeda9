import { viewOf } from '@chasqui/delivery'
import type { Disposition } from '@chasqui/delivery'
import type { RecipientState } from '@chasqui/store'

import type { DELIVERIES } from './view.ts'

export type Delivery = (typeof DELIVERIES)[number]

export type ExportFilter = { readonly disposition?: Disposition | undefined; readonly delivery?: Delivery | undefined }

/** The furthest that is known of a message, first match; `null` while nothing is. */
const FURTHEST: readonly Delivery[] = ['read', 'delivered', 'failed', 'undelivered', 'sent', 'held']

export type ExportFormat = {
  readonly contentType: string
  readonly header: string
  readonly line: (recipient: RecipientState) => string
}

export const NDJSON: ExportFormat = {
  contentType: 'application/x-ndjson',
  header: '',
  line: (recipient) =>
    `${JSON.stringify({
      to: `+${recipient.to}`,
      ref: recipient.ref,
      disposition: recipient.disposition,
      delivery: deliveryOf(recipient.facts),
      attempts: recipient.attempts,
    })}\n`,
}

export const CSV: ExportFormat = {
  contentType: 'text/csv; charset=utf-8; header=present',
  header: 'to,ref,disposition,delivery,attempts\r\n',
  line: (recipient) =>
    [
      recipient.to,
      csvField(recipient.ref ?? ''),
      recipient.disposition,
      deliveryOf(recipient.facts) ?? '',
      recipient.attempts,
    ].join(',') + '\r\n',
}

/**
 * A value that a spreadsheet shows as text: what it would run as a formula gets an apostrophe in front (OWASP, "CSV
 * injection"). Numbers are written without '+' for the same reason.
 */
export function csvField(value: string): string {
  const safe = /^[=+\-@\t\r\n|%]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** The same counting as the report's: who has read it, has had it delivered too. */
export function matches(recipient: RecipientState, filter: ExportFilter): boolean {
  if (filter.disposition !== undefined && recipient.disposition !== filter.disposition) return false
  return filter.delivery === undefined || viewOf(recipient.facts)[filter.delivery] === 1
}

export function deliveryOf(facts: number): Delivery | null {
  const view = viewOf(facts)
  return FURTHEST.find((delivery) => view[delivery] === 1) ?? null
}

/** The lines of an export, a chunk's worth at a time. */
export async function* exportLines(
  chunks: AsyncIterable<readonly RecipientState[]>,
  filter: ExportFilter,
  format: ExportFormat,
): AsyncGenerator<string> {
  if (format.header !== '') yield format.header
  for await (const recipients of chunks) {
    const lines = recipients.filter((recipient) => matches(recipient, filter)).map(format.line)
    if (lines.length > 0) yield lines.join('')
  }
}
