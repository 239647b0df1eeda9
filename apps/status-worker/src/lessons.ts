import { decodeCallbackData } from '@chasqui/delivery'
import type { Lesson } from '@chasqui/delivery'
import { bodyOfEvent, decodeWebhook } from '@chasqui/whatsapp'
import type { AccountEvent, PreferenceEvent, StatusEvent, TemplateEvent, WebhookEvent } from '@chasqui/whatsapp'

import { noticeOf } from './notice.ts'
import type { Notice } from './notice.ts'

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
  /** A defect of ours: folding it fails again and again, and it must not hold up the others. */
  | 'unfoldable'

export type Unmatched = { readonly reason: UnmatchedReason; readonly body: string | null }

/** A body and when Redis took it in, ms. */
export type Taken = { readonly text: string; readonly at: number }

/** A status that speaks of a recipient of ours. */
export type MatchedStatus = { readonly lesson: Lesson; readonly event: StatusEvent }

/** Somebody's word about marketing, by Meta's preference event or by its answer to a send. */
export type Word = {
  /** E.164 without '+'. */
  readonly number: number
  readonly value: 'stop' | 'resume'
  /** When it was said, ms. */
  readonly at: number
}

/** What a batch of bodies says, sorted by what is done with it. */
export type Batch = {
  /** By campaign. */
  readonly matched: Map<string, MatchedStatus[]>
  readonly words: Word[]
  readonly notices: Notice[]
  /** Phone number id -> the number as people see it. */
  readonly displayNumbers: Map<string, string>
  readonly unmatched: Unmatched[]
  /** Phone number id -> the latest event told of one of our messages, ms. */
  readonly flow: Map<string, number>
  /** Counters: statuses by what they say, other events by their kind. */
  readonly seen: Map<string, number>
}

/** Reasons that say nothing is wrong: counted, and let go. */
export const LET_GO: ReadonlySet<UnmatchedReason> = new Set([
  'no_callback_data',
  'foreign_callback_data',
  'other_environment',
])

/** Beyond it Redis has no byte to keep a state in (512 MB a string). A place out there is nobody's, and asking would fail. */
const ORDINAL_MAX = 2 ** 29 - 1
/** Meta's code for "stopped marketing messages from this business". */
const STOPPED_MARKETING = 131_050
/** Meta's clock may be ahead of ours by this much, ms; a word from the far future would outlast every later one. */
const AHEAD_MAX_MS = 60_000

/** Read bodies as far as can be done without asking anybody. Total: whatever came is in the batch. */
export function readBatch(bodies: readonly Taken[], environment: string): Batch {
  const batch: Batch = {
    matched: new Map(),
    words: [],
    notices: [],
    displayNumbers: new Map(),
    unmatched: [],
    flow: new Map(),
    seen: new Map(),
  }
  for (const { text, at } of bodies) {
    const decoded = decodeWebhook(text)
    if (decoded.kind === 'undecodable') batch.unmatched.push({ reason: decoded.reason, body: text })
    else for (const event of decoded.events) sort(event, at, environment, batch)
  }
  return batch
}

function sort(event: WebhookEvent, takenAt: number, environment: string, batch: Batch): void {
  const name = event.kind === 'status' ? event.status : event.kind
  batch.seen.set(name, (batch.seen.get(name) ?? 0) + 1)
  const { phoneNumberId, displayPhoneNumber } = event.origin
  if (phoneNumberId !== null && displayPhoneNumber !== null) batch.displayNumbers.set(phoneNumberId, displayPhoneNumber)
  if (event.kind === 'status') match(event, takenAt, environment, batch)
  else if (event.kind === 'preference') hear(event, takenAt, batch)
  else if (event.kind === 'template' || event.kind === 'account') heed(event, takenAt, batch)
  else if (event.kind === 'unreadable') batch.unmatched.push({ reason: 'unreadable', body: bodyOfEvent(event) })
}

function match(event: StatusEvent, takenAt: number, environment: string, batch: Batch): void {
  // Whoever sent to them: they have opted out of this business' marketing.
  if (event.errorCode === STOPPED_MARKETING) note(batch, event.recipient, 'stop', event.at, takenAt)
  if (event.callbackData === null) {
    batch.unmatched.push({ reason: 'no_callback_data', body: null })
    return
  }
  const data = decodeCallbackData(event.callbackData)
  if (data === null) batch.unmatched.push({ reason: 'foreign_callback_data', body: null })
  else if (data.environment !== environment) batch.unmatched.push({ reason: 'other_environment', body: null })
  else if (data.ordinal > ORDINAL_MAX) batch.unmatched.push({ reason: 'unknown_recipient', body: bodyOfEvent(event) })
  else {
    const { campaignId, ordinal, attempt } = data
    const status = { lesson: { ordinal, attempt, facts: event.facts, errorCode: event.errorCode }, event }
    const known = batch.matched.get(campaignId)
    if (known === undefined) batch.matched.set(campaignId, [status])
    else known.push(status)
    const { phoneNumberId } = event.origin
    if (phoneNumberId !== null && event.at !== null && event.at > (batch.flow.get(phoneNumberId) ?? 0))
      batch.flow.set(phoneNumberId, event.at)
  }
}

function hear({ value, waId, at }: PreferenceEvent, takenAt: number, batch: Batch): void {
  if (value !== 'other') note(batch, waId, value, at, takenAt)
}

function note(batch: Batch, waId: string | null, value: Word['value'], at: number | null, takenAt: number): void {
  // A phone number as Meta writes it, digits alone; people known by a username have none.
  if (waId === null || !/^\d{7,15}$/.test(waId)) return
  batch.words.push({ number: Number(waId), value, at: momentOf(at, takenAt) })
}

function heed(event: TemplateEvent | AccountEvent, takenAt: number, batch: Batch): void {
  const notice = noticeOf(event, momentOf(event.origin.at, takenAt))
  if (notice !== null) batch.notices.push(notice)
}

/** When something happened, as far as it can be believed, ms. */
function momentOf(at: number | null, takenAt: number): number {
  return Math.min(at ?? takenAt, takenAt + AHEAD_MAX_MS)
}
