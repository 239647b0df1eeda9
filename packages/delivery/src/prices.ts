import { FACT, viewOf } from './facts.ts'

/**
 * What Meta bills a message as. Meta bills delivered messages, once each, and tells of it in `pricing` on several statuses
 * of one message; so what a message is billed as is a function of the facts known of it, and the counters move by the
 * difference of two such functions, like those of the delivery view. Order and repetition cannot matter.
 *
 * The two marketing categories are facts already (the route). The bits here are what is told besides, which next to no
 * marketing message has: they lie in a string of their own that exists only where one had. Append-only, stored in Redis.
 */
export const PRICE = {
  /** Not billed: inside a free entry point or service window, or `billable: false`. */
  free: 1,
  utility: 2,
  authentication: 4,
  authenticationInternational: 8,
  service: 16,
  referralConversion: 32,
  /** A category of tomorrow. */
  other: 64,
} as const

/** What a message is billed as; `free`: Meta says that it costs nothing. */
export const PRICE_KINDS = [
  'free',
  'marketing_lite',
  'marketing',
  'utility',
  'authentication',
  'authentication_international',
  'service',
  'referral_conversion',
  'other',
] as const

export type PriceKind = (typeof PRICE_KINDS)[number]

/** Where nobody knows a recipient's country. ISO 3166 leaves these letters to users. */
export const NO_COUNTRY = 'ZZ'

/**
 * What one message is billed as; `null` while it is not known to be delivered, or nobody has told its price.
 *
 * Told both to be billed and to be free, it is free: the later statuses know better, and only they say `free`. Told two
 * categories, it counts under the first of {@link PRICE_KINDS}.
 *
 * @param facts bits of `FACT`. @param prices bits of {@link PRICE}.
 */
export function priceKindOf(facts: number, prices: number): PriceKind | null {
  if (viewOf(facts).delivered === 0) return null
  if ((prices & PRICE.free) !== 0) return 'free'
  if ((facts & FACT.routeMarketingLite) !== 0) return 'marketing_lite'
  if ((facts & FACT.routeMarketing) !== 0) return 'marketing'
  return UNUSUAL.find(([bit]) => (prices & bit) !== 0)?.[1] ?? null
}

const UNUSUAL: readonly (readonly [bit: number, kind: PriceKind])[] = [
  [PRICE.utility, 'utility'],
  [PRICE.authentication, 'authentication'],
  [PRICE.authenticationInternational, 'authentication_international'],
  [PRICE.service, 'service'],
  [PRICE.referralConversion, 'referral_conversion'],
  [PRICE.other, 'other'],
]

/** The counts field of messages billed alike in one country. */
export function priceField(kind: PriceKind, country: string): string {
  return `price:${kind}:${country}`
}

/** Messages by what they are billed as and where, read back from a campaign's counts. */
export type PricedMessages = { readonly kind: PriceKind; readonly country: string; readonly messages: number }

const KINDS: ReadonlySet<string> = new Set(PRICE_KINDS)

export function pricedMessages(counts: ReadonlyMap<string, number>): PricedMessages[] {
  return [...counts].flatMap(([field, messages]) => {
    const [prefix, kind = '', country = ''] = field.split(':')
    return prefix === 'price' && KINDS.has(kind) && messages > 0 ? [{ kind: kind as PriceKind, country, messages }] : []
  })
}
