import { countryOf } from '@chasqui/campaign'
import { decodeCallbackData } from '@chasqui/delivery'
import type { Lesson } from '@chasqui/delivery'
import { bodyOfEvent, decodeWebhook } from '@chasqui/whatsapp'
import type {
  AccountEvent,
  EndpointErrorEvent,
  PreferenceEvent,
  ReplyEvent,
  StatusEvent,
  TemplateEvent,
  WebhookEvent,
} from '@chasqui/whatsapp'
import type { Click, Reply } from '@chasqui/store'

import { clickOf, numberOf, replyOf } from './echo.ts'
import type { Heard } from './echo.ts'
import { noticeOf } from './notice.ts'
import type { Notice } from './notice.ts'
import { isOptOut } from './opt-out-words.ts'
import type { OptOutWords } from './opt-out-words.ts'

/** Why a status leads to nobody. */
export const UNMATCHED_REASONS = [
  /** It carries no callback data: sent by somebody else on this number, or by a sender that leaves the field out. */
  'no_callback_data',
  /** Of a sender whose statuses are known by the message's id: nobody sent a message of that id, as far as could be waited. */
  'unknown_message',
  /** Callback data that is not of our making. */
  'foreign_callback_data',
  /** Ours, but of another installation on the same account. */
  'other_environment',
  'unknown_campaign',
  'unknown_recipient',
  'unreadable',
  'invalid_json',
  'unknown_envelope',
  /** A defect of ours: folding it fails again and again, and it must not hold up the others. */
  'unfoldable',
] as const

export type UnmatchedReason = (typeof UNMATCHED_REASONS)[number]

export type Unmatched = { readonly reason: UnmatchedReason; readonly body: string | null }

/** A body and when Redis took it in, ms. */
export type Taken = { readonly text: string; readonly at: number }

/** A status that speaks of a recipient of ours. */
export type MatchedStatus = { readonly lesson: Lesson; readonly event: StatusEvent }

/** A status that is known by its message's id alone, if at all. */
export type NamelessStatus = { readonly sender: string; readonly messageId: string; readonly event: StatusEvent }

/** Somebody's word about marketing: by Meta's preference event, by its answer to a send, or in their own words. */
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
  readonly nameless: NamelessStatus[]
  readonly words: Word[]
  readonly notices: Notice[]
  readonly replies: Heard<Reply>[]
  readonly clicks: Heard<Click>[]
  /** Phone number id -> the number as people see it. */
  readonly displayNumbers: Map<string, string>
  readonly unmatched: Unmatched[]
  /** Errors of a number or its account that belong to no message. */
  readonly accountErrors: EndpointErrorEvent[]
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
/** The only category of preferences there is so far. */
const MARKETING = 'marketing_messages'
/** Meta's clock may be ahead of ours by this much, ms; a word from the far future would outlast every later one. */
const AHEAD_MAX_MS = 60_000

/** What it takes to know what is meant for us. */
export type Reading = {
  /** Our name in callback data. */
  readonly environment: string
  readonly optOutWords: OptOutWords
  /** Phone number id -> sender, of those whose statuses are known by the message's id. */
  readonly byMessageId?: Pick<ReadonlyMap<string, string>, 'get'>
}

/** Read bodies as far as can be done without asking anybody. Total: whatever came is in the batch. */
export function readBatch(bodies: readonly Taken[], reading: Reading): Batch {
  const batch: Batch = {
    matched: new Map(),
    nameless: [],
    words: [],
    notices: [],
    replies: [],
    clicks: [],
    displayNumbers: new Map(),
    unmatched: [],
    accountErrors: [],
    flow: new Map(),
    seen: new Map(),
  }
  for (const { text, at } of bodies) {
    const decoded = decodeWebhook(text)
    if (decoded.kind === 'undecodable') batch.unmatched.push({ reason: decoded.reason, body: text })
    else for (const event of decoded.events) sort(event, at, reading, batch)
  }
  return batch
}

function sort(event: WebhookEvent, takenAt: number, reading: Reading, batch: Batch): void {
  const name = event.kind === 'status' ? event.status : event.kind
  batch.seen.set(name, (batch.seen.get(name) ?? 0) + 1)
  const { phoneNumberId, displayPhoneNumber } = event.origin
  if (phoneNumberId !== null && displayPhoneNumber !== null) batch.displayNumbers.set(phoneNumberId, displayPhoneNumber)
  switch (event.kind) {
    case 'status':
      return match(event, takenAt, reading, batch)
    case 'preference':
      return hear(event, takenAt, batch)
    case 'reply':
      return listen(event, takenAt, reading.optOutWords, batch)
    case 'click': {
      const click = clickOf(event, momentOf(event.at, takenAt))
      if (click !== null) batch.clicks.push(click)
      return
    }
    case 'template':
    case 'account':
      return heed(event, takenAt, batch)
    case 'unreadable':
      batch.unmatched.push({ reason: 'unreadable', body: bodyOfEvent(event) })
      return
    case 'endpoint_error':
      batch.accountErrors.push(event)
      return
    case 'other':
  }
}

function match(event: StatusEvent, takenAt: number, reading: Reading, batch: Batch): void {
  // Whoever sent to them: they have opted out of this business' marketing.
  if (event.errorCode === STOPPED_MARKETING) note(batch, event.recipient, 'stop', event.at, takenAt)
  const data = event.callbackData === null ? null : decodeCallbackData(event.callbackData)
  const sender = reading.byMessageId?.get(event.origin.phoneNumberId ?? '')
  if (data === null && sender !== undefined && event.messageId !== null) {
    batch.nameless.push({ sender, messageId: event.messageId, event })
    return
  }
  if (event.callbackData === null) {
    batch.unmatched.push({ reason: 'no_callback_data', body: null })
    return
  }
  if (data === null) batch.unmatched.push({ reason: 'foreign_callback_data', body: null })
  else if (data.environment !== reading.environment) batch.unmatched.push({ reason: 'other_environment', body: null })
  else if (data.ordinal > ORDINAL_MAX) batch.unmatched.push({ reason: 'unknown_recipient', body: bodyOfEvent(event) })
  else {
    const { campaignId, ordinal, attempt } = data
    const status = lessonFor({ ordinal, attempt }, event)
    const known = batch.matched.get(campaignId)
    if (known === undefined) batch.matched.set(campaignId, [status])
    else known.push(status)
    // Where messages are known by their ids, the flow says nothing about those whose answer was lost (nameless.ts).
    if (sender === undefined) noteFlow(event, batch)
  }
}

/** What a status teaches about this attempt at this recipient. */
export function lessonFor(
  { ordinal, attempt }: Pick<Lesson, 'ordinal' | 'attempt'>,
  event: StatusEvent,
): MatchedStatus {
  const { facts, errorCode, prices } = event
  const country = event.recipient === null ? null : countryOf(event.recipient)
  const lesson = { ordinal, attempt, facts, errorCode, prices, ...(country === null ? {} : { country }) }
  return { lesson, event }
}

/** A status of one of our messages tells how far webhooks of its number flow. */
function noteFlow({ origin: { phoneNumberId }, at }: StatusEvent, { flow }: Batch): void {
  if (phoneNumberId !== null && at !== null && at > (flow.get(phoneNumberId) ?? 0)) flow.set(phoneNumberId, at)
}

function hear({ value, category, waId, at }: PreferenceEvent, takenAt: number, batch: Batch): void {
  // A word about messages of another kind is none about marketing, neither a stop nor a way back.
  if (value !== 'other' && (category === null || category === MARKETING)) note(batch, waId, value, at, takenAt)
}

function listen(event: ReplyEvent, takenAt: number, words: OptOutWords, batch: Batch): void {
  const reply = replyOf(event, momentOf(event.at, takenAt))
  if (reply !== null) batch.replies.push(reply)
  if (isOptOut(words, event.content) || isOptOut(words, event.label)) note(batch, event.from, 'stop', event.at, takenAt)
}

function note(batch: Batch, waId: string | null, value: Word['value'], at: number | null, takenAt: number): void {
  const number = numberOf(waId)
  if (number !== null) batch.words.push({ number, value, at: momentOf(at, takenAt) })
}

function heed(event: TemplateEvent | AccountEvent, takenAt: number, batch: Batch): void {
  const notice = noticeOf(event, momentOf(event.origin.at, takenAt))
  if (notice !== null) batch.notices.push(notice)
}

/** When something happened, as far as it can be believed, ms. */
function momentOf(at: number | null, takenAt: number): number {
  return Math.min(at ?? takenAt, takenAt + AHEAD_MAX_MS)
}
