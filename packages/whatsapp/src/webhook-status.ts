import { FACT, PRICE } from '@chasqui/delivery'

import { STATUS_WORDS } from './webhook-event.ts'
import type { EventOrigin, Pricing, StatusEvent, StatusWord, UnreadableEvent } from './webhook-event.ts'
import { booleanIn, integerIn, isObject, listIn, momentIn, numberIn, objectIn, textIn } from './webhook-read.ts'
import type { Json } from './webhook-read.ts'

/** What each word teaches. `played` is voice's `read`; `deleted` and words of tomorrow teach nothing that is counted. */
const FACTS_OF: Readonly<Record<StatusWord, number>> = {
  sent: FACT.sent,
  delivered: FACT.delivered,
  read: FACT.read,
  played: FACT.read,
  failed: FACT.failed,
  deleted: 0,
  other: 0,
}

const WORDS: ReadonlyMap<string, StatusWord> = new Map(STATUS_WORDS.map((word) => [word, word]))

/**
 * Read one item of `value.statuses`. Everything but the word itself may be missing: the recipient (BSUID users), the
 * timestamp, the pricing (API v24), the callback data (another application's message).
 */
export function readStatus(item: unknown, origin: EventOrigin): StatusEvent | UnreadableEvent {
  const word = isObject(item) ? textIn(item['status']) : null
  if (!isObject(item) || word === null) return { kind: 'unreadable', origin, part: 'status', raw: item }
  const status = WORDS.get(word.toLowerCase()) ?? 'other'
  const pricing = readPricing(item['pricing'])
  const told = FACTS_OF[status]
  return {
    kind: 'status',
    origin,
    status,
    facts: told === 0 ? 0 : told | routeOf(pricing),
    prices: told === 0 ? 0 : pricesOf(pricing),
    errorCode: status === 'failed' ? readErrorCode(item['errors']) : 0,
    at: momentIn(item['timestamp']),
    messageId: textIn(item['id']),
    recipient: textIn(item['recipient_id']),
    callbackData: textIn(item['biz_opaque_callback_data']),
    pricing,
    raw: item,
  }
}

/** The first error that names a code; 0 when none does. */
function readErrorCode(errors: unknown): number {
  for (const error of listIn(errors)) {
    const code = integerIn(objectIn(error)['code'])
    if (code !== null) return code
  }
  return 0
}

function readPricing(value: unknown): Pricing | null {
  if (!isObject(value)) return null
  return {
    category: textIn(value['category'])?.toLowerCase() ?? null,
    type: textIn(value['type']),
    model: textIn(value['pricing_model']),
    billable: booleanIn(value['billable']),
    cost: readCost(value['cost']),
  }
}

function readCost(value: unknown): Pricing['cost'] {
  const cost: Json = objectIn(value)
  const amount = numberIn(cost['amount'])
  return amount === null ? null : { amount, currency: textIn(cost['currency']) }
}

/** Meta names `pricing.category` as the only sure sign of the route; `conversation.origin` is gone since v24. */
function routeOf(pricing: Pricing | null): number {
  if (pricing?.category === 'marketing_lite') return FACT.routeMarketingLite
  return pricing?.category === 'marketing' ? FACT.routeMarketing : 0
}

const CATEGORIES: Readonly<Record<string, number>> = {
  marketing_lite: 0,
  marketing: 0,
  utility: PRICE.utility,
  authentication: PRICE.authentication,
  // With a hyphen in pricing, with an underscore in conversation.
  'authentication-international': PRICE.authenticationInternational,
  authentication_international: PRICE.authenticationInternational,
  service: PRICE.service,
  referral_conversion: PRICE.referralConversion,
}

/**
 * What pricing tells besides the marketing categories, which are the route. `billable` is to go away in favour of `type`,
 * so either may be missing; whoever says that the message costs nothing is believed.
 */
function pricesOf(pricing: Pricing | null): number {
  if (pricing === null) return 0
  const { category, type, billable } = pricing
  const free = billable === false || (type !== null && type.toLowerCase() !== 'regular')
  const unusual = category === null ? 0 : (CATEGORIES[category] ?? PRICE.other)
  return unusual | (free ? PRICE.free : 0)
}
