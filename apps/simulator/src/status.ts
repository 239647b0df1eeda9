import { DRAW, lotOf, pick } from './chance.ts'
import type { Lot } from './chance.ts'
import type { NumberConfig, SimulatorConfig } from './config.ts'
import { FACT } from './fact.ts'
import { GRAPH_CODES } from './graph-error.ts'
import type { Row } from './ledger.ts'
import { wamidOf } from './wamid.ts'

/** The statuses a webhook can tell. In the agenda a status is its place in this list; `odd` is one nobody documents. */
export const STATUSES = ['sent', 'delivered', 'read', 'failed', 'odd'] as const

export type Status = (typeof STATUSES)[number]

/** One status of one message, on its way out `afterMs` from the moment the message was taken. */
export type Posting = { readonly status: Status; readonly afterMs: number }

export type StatusPlan = {
  readonly postings: readonly Posting[]
  /** Statuses that will never come. */
  readonly lost: number
}

/** Which statuses tell these facts, when, how often: a pure function of the configuration and the recipient. */
export function planStatuses(config: SimulatorConfig, phone: number, facts: number): StatusPlan {
  const { webhooks } = config
  const lot = lotOf(config.seed, phone, 0)
  const told = timed(config, facts, lot)
  const kept = told.filter(({ status }) => lot(DRAW.statusLost + STATUSES.indexOf(status)) >= webhooks.lostShare)
  const doubles = kept
    .filter(({ status }) => lot(DRAW.statusDoubled + STATUSES.indexOf(status)) < webhooks.duplicateShare)
    .map(({ status, afterMs }) => {
      const again = within(webhooks.duplicateAfterMs, lot(DRAW.statusDoubleDelay + STATUSES.indexOf(status)))
      return { status, afterMs: afterMs + again }
    })
  return { postings: [...kept, ...doubles], lost: told.length - kept.length }
}

/** In their natural order, each after the one before it; or, for a share of messages, in any. */
function timed(config: SimulatorConfig, facts: number, lot: Lot): Posting[] {
  const { webhooks } = config
  const start = (facts & FACT.held) === 0 ? 0 : config.answers.heldForMs
  const ranges = {
    sent: webhooks.sentAfterMs,
    delivered: webhooks.deliveredAfterMs,
    read: webhooks.readAfterMs,
    failed: webhooks.failedAfterMs,
    odd: webhooks.sentAfterMs,
  }
  const statuses = statusesOf(facts, lot(DRAW.oddStatus) < webhooks.unknownStatusShare)
  const latest = statuses.reduce((sum, status) => sum + ranges[status][1], 0)
  const shuffled = lot(DRAW.shuffled) < webhooks.shuffledShare
  let afterMs = start
  return statuses.map((status) => {
    const draw = lot(DRAW.statusDelay + STATUSES.indexOf(status))
    afterMs += within(ranges[status], draw)
    return { status, afterMs: shuffled ? start + Math.floor(draw * (latest + 1)) : afterMs }
  })
}

function statusesOf(facts: number, odd: boolean): Status[] {
  const order: readonly Status[] =
    (facts & FACT.failed) === 0 ? ['sent', 'delivered', 'read'] : ['sent', 'failed', 'delivered']
  const real = order.filter((status) => status !== 'odd' && (facts & FACT[status]) !== 0)
  return odd ? [...real, 'odd'] : real
}

/** A status object as the webhook carries it, and the facts a reader learns from it. */
export type StatusMessage = { readonly json: StatusJson; readonly tells: number }

/** Only what we write; readers must expect more. */
export type StatusJson = {
  readonly id: string
  readonly status: string
  readonly timestamp: string
  readonly recipient_id?: string
  readonly biz_opaque_callback_data?: string
  readonly conversation?: object
  readonly pricing?: object
  readonly errors?: readonly object[]
}

const ODD_WORDS = ['played', 'deleted', 'warning'] as const

/** Builds one status of a message. Pure: the same row and configuration give the same bytes. */
export function buildStatus(config: SimulatorConfig, run: number, row: Row, status: Status): StatusMessage {
  const { webhooks } = config
  const lot = lotOf(config.seed, row.phone, 0)
  const way = row.facts & (FACT.marketingLite | FACT.fallback)
  const priced = isPriced(status, row.facts) && lot(DRAW.pricing) >= webhooks.withoutPricingShare
  const category = way === FACT.fallback ? 'marketing' : 'marketing_lite'
  const echoed =
    config.callbackData === 'echo' &&
    row.callbackData !== '' &&
    lot(DRAW.callbackData) >= webhooks.withoutCallbackDataShare
  const json = {
    id: wamidOf(run, row.index, row.phone),
    status: status === 'odd' ? pick(ODD_WORDS, lot(DRAW.oddWord)) : status,
    timestamp: String(Math.floor(row.at / 1000) + LATER_S[status]),
    ...(lot(DRAW.recipientId) < webhooks.withoutRecipientShare ? {} : { recipient_id: String(row.phone) }),
    ...(echoed ? { biz_opaque_callback_data: row.callbackData } : {}),
    ...(priced && lot(DRAW.conversation) < webhooks.v23Share
      ? { conversation: conversation(row, status, category) }
      : {}),
    ...(priced ? { pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category } } : {}),
    ...(status === 'failed'
      ? { errors: [failure(row.code ?? 131000, lot(DRAW.stringCode) < webhooks.stringCodeShare)] }
      : {}),
  }
  return { json, tells: (status === 'odd' ? 0 : FACT[status]) | (priced ? way : 0) }
}

/** Seconds between arrival and each status as its timestamp tells it, whenever the webhook is posted. */
const LATER_S: Readonly<Record<Status, number>> = { sent: 0, odd: 0, failed: 1, delivered: 1, read: 2 }

/** `pricing` comes with `sent` and with one of `delivered` and `read`. */
function isPriced(status: Status, facts: number): boolean {
  return status === 'sent' || status === 'delivered' || (status === 'read' && (facts & FACT.delivered) === 0)
}

/** The v23 form; from v24 on it is left out. The expiration only comes with `sent`. */
function conversation(row: Row, status: Status, category: string): object {
  const id = row.index.toString(16).padStart(32, '0')
  const expiration = { expiration_timestamp: String(Math.floor(row.at / 1000) + 86_400) }
  return { id, ...(status === 'sent' ? expiration : {}), origin: { type: category } }
}

function failure(code: number, asString: boolean): object {
  const { title = 'Unknown error', details } = GRAPH_CODES[code] ?? {}
  return {
    code: asString ? String(code) : code,
    title,
    message: title,
    error_data: { details: details ?? title },
    href: '/documentation/business-messaging/whatsapp/support/error-codes',
  }
}

/** Statuses of one phone number, on their way into one body. */
export type StatusGroup = {
  readonly phoneNumberId: string
  readonly number: NumberConfig
  readonly statuses: readonly StatusJson[]
}

/** A webhook body: an entry for each group, its statuses spread over changes of at most `changeMax`. */
export function statusBody(groups: readonly StatusGroup[], changeMax: number): string {
  return envelope(
    groups.map(({ phoneNumberId, number, statuses }) => ({
      id: number.wabaId,
      changes: chunks(statuses, changeMax).map((some) => ({
        value: { messaging_product: 'whatsapp', metadata: metadataOf(phoneNumberId, number), statuses: some },
        field: 'messages',
      })),
    })),
  )
}

export function metadataOf(phoneNumberId: string, number: NumberConfig): object {
  return { display_phone_number: number.displayPhoneNumber, phone_number_id: phoneNumberId }
}

export function envelope(entry: readonly object[]): string {
  return JSON.stringify({ object: 'whatsapp_business_account', entry })
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}

function within([least, most]: readonly [number, number], lot: number): number {
  return least + Math.floor(lot * (most - least + 1))
}
