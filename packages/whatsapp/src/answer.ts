import type { Outcome } from '@chasqui/delivery'
import { z } from 'zod'

const code = z.union([
  z.number().int(),
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number),
])

/** Only what is relied upon; everything else Meta may add or leave out. */
const accepted = z.object({
  messages: z
    .tuple([z.object({ id: z.string().min(1).max(1_024), message_status: z.string().optional() })])
    .rest(z.unknown()),
})

const graphError = z.object({
  error: z.object({
    code,
    message: z.string().optional(),
    error_data: z.object({ details: z.string().optional() }).nullish(),
  }),
})

/** A provider's wrapping of the same error (360dialog). */
const wrappedError = z.object({ detail: graphError })

/**
 * A success as Meta writes nearly all of them, to the letter; what differs in anything is parsed. Reading it so takes a tenth
 * of the time, and nothing in the send path is done as often. What is left out of a string is what JSON does not allow there
 * and what would have to be unescaped.
 */
const USUAL_SUCCESS =
  // oxlint-disable-next-line no-control-regex -- control characters are exactly what JSON forbids inside a string
  /^\{"messaging_product":"whatsapp","contacts":\[\{"input":"[^"\\\u0000-\u001f]*","wa_id":"[^"\\\u0000-\u001f]*"\}\],"messages":\[\{"id":"([^"\\\u0000-\u001f]{1,1024})"(?:,"message_status":"([a-z_]*)")?\}\]\}$/

/** What the answer's headers may say about waiting. */
export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>

/**
 * Read an answer of the endpoint. Total: whatever came, it has a name.
 *
 * A 200 with a message id is accepted; a readable Graph error is refused, by its code; everything else after bytes were
 * written is `lost`, for the message may have been sent (an error page of a proxy says nothing about what lies behind it).
 */
export function readAnswer(httpStatus: number, headers: AnswerHeaders, body: string): Outcome {
  if (httpStatus === 200) {
    const usual = USUAL_SUCCESS.exec(body)
    if (usual?.[1] !== undefined) return { kind: 'accepted', messageId: usual[1], held: isHeld(usual[2]) }
  }
  const json = parseJson(body)
  if (httpStatus === 200) {
    const success = accepted.safeParse(json)
    if (success.success) {
      const [message] = success.data.messages
      return { kind: 'accepted', messageId: message.id, held: isHeld(message.message_status) }
    }
  }
  const error = errorIn(json)
  if (error !== null) {
    return {
      kind: 'refused',
      code: error.code,
      httpStatus,
      details: error.error_data?.details ?? error.message ?? '',
      waitMs: waitIn(headers),
    }
  }
  return { kind: 'lost', reason: httpStatus === 200 ? 'unreadable_success' : `http_${httpStatus}_without_graph_error` }
}

function errorIn(json: unknown): z.infer<typeof graphError>['error'] | null {
  const plain = graphError.safeParse(json)
  if (plain.success) return plain.data.error
  const wrapped = wrappedError.safeParse(json)
  return wrapped.success ? wrapped.data.detail.error : null
}

/** `held_for_quality_assessment` and `paused`: taken, and held back for now; what follows comes as a status. */
function isHeld(status: string | undefined): boolean {
  return status === 'held_for_quality_assessment' || status === 'paused'
}

/**
 * How long the answer asks to wait, ms: `Retry-After` in seconds (not documented by Meta, honoured if present) or the
 * account's `estimated_time_to_regain_access` in minutes.
 */
function waitIn(headers: AnswerHeaders): number | null {
  const retryAfter = Number(single(headers['retry-after']))
  if (Number.isFinite(retryAfter) && retryAfter > 0) return Math.min(retryAfter, 86_400) * 1_000
  const usage = single(headers['x-business-use-case-usage'])
  if (usage === '') return null
  const minutes = [...usage.matchAll(/"estimated_time_to_regain_access"\s*:\s*(\d{1,5})/g)].map((match) =>
    Number(match[1]),
  )
  const longest = Math.max(0, ...minutes)
  return longest > 0 ? longest * 60_000 : null
}

function single(header: string | string[] | undefined): string {
  return (Array.isArray(header) ? header[0] : header) ?? ''
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
