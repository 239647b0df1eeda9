import { decodeCallbackData } from '@chasqui/delivery'
import type { Lesson } from '@chasqui/delivery'
import { bodyOfEvent, decodeWebhook } from '@chasqui/whatsapp'
import type { PreferenceEvent, StatusEvent, WebhookEvent } from '@chasqui/whatsapp'

/** Why a status leads to nobody. */
export type UnmatchedReason =
  /** It carries no callback data: sent by somebody else on this number, or by a sender that leaves the field out. */
  | 'no_callback_data'
  /** Callback data that is not of our making. */
  | 'foreign_callback_data'
  /** Ours, but of another installation on the same account. */
  | 'other_environment'
  | 'unknown_campaign'
  | 'unknown_recipient'
  | 'unreadable'
  | 'invalid_json'
  | 'unknown_envelope'

export type Unmatched = { readonly reason: UnmatchedReason; readonly body: string | null }

/** A status that speaks of a recipient of ours. */
export type MatchedStatus = { readonly campaign: string; readonly lesson: Lesson; readonly event: StatusEvent }

/** What a batch of bodies says, sorted by what is done with it. */
export type Batch = {
  readonly matched: MatchedStatus[]
  readonly preferences: PreferenceEvent[]
  readonly unmatched: Unmatched[]
  /** Counters: statuses by what they say, other events by their kind. */
  readonly seen: Map<string, number>
}

/** Reasons that say nothing is wrong: counted, and let go. */
export const LET_GO: ReadonlySet<UnmatchedReason> = new Set([
  'no_callback_data',
  'foreign_callback_data',
  'other_environment',
])

/** Read bodies as far as can be done without asking anybody. Total: whatever came is in the batch. */
export function readBatch(bodies: readonly string[], environment: string): Batch {
  const batch: Batch = { matched: [], preferences: [], unmatched: [], seen: new Map() }
  for (const body of bodies) {
    const decoded = decodeWebhook(body)
    if (decoded.kind === 'undecodable') batch.unmatched.push({ reason: decoded.reason, body })
    else for (const event of decoded.events) sort(event, environment, batch)
  }
  return batch
}

function sort(event: WebhookEvent, environment: string, batch: Batch): void {
  const name = event.kind === 'status' ? event.status : event.kind
  batch.seen.set(name, (batch.seen.get(name) ?? 0) + 1)
  if (event.kind === 'status') match(event, environment, batch)
  else if (event.kind === 'preference') batch.preferences.push(event)
  else if (event.kind === 'unreadable') batch.unmatched.push({ reason: 'unreadable', body: bodyOfEvent(event) })
}

function match(event: StatusEvent, environment: string, batch: Batch): void {
  if (event.callbackData === null) {
    batch.unmatched.push({ reason: 'no_callback_data', body: null })
    return
  }
  const data = decodeCallbackData(event.callbackData)
  if (data === null) batch.unmatched.push({ reason: 'foreign_callback_data', body: null })
  else if (data.environment !== environment) batch.unmatched.push({ reason: 'other_environment', body: null })
  else {
    const lesson = { ordinal: data.ordinal, attempt: data.attempt, facts: event.facts, errorCode: event.errorCode }
    batch.matched.push({ campaign: data.campaignId, lesson, event })
  }
}
