import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { FACT } from './facts.ts'
import { PRICE, PRICE_KINDS, pricedMessages, priceField, priceKindOf } from './prices.ts'

describe('a message is billed', () => {
  test('when it is delivered, and not before', () => {
    expect(priceKindOf(FACT.sent | FACT.routeMarketingLite, 0)).toBeNull()
    expect(priceKindOf(FACT.failed | FACT.routeMarketingLite, 0)).toBeNull()
    expect(priceKindOf(FACT.delivered | FACT.routeMarketingLite, 0)).toBe('marketing_lite')
    expect(priceKindOf(FACT.read | FACT.routeMarketing, 0)).toBe('marketing')
  })

  test('as nothing while nobody has told its price', () => {
    expect(priceKindOf(FACT.delivered, 0)).toBeNull()
    expect(priceKindOf(FACT.delivered, PRICE.utility)).toBe('utility')
    expect(priceKindOf(FACT.delivered, PRICE.other)).toBe('other')
  })

  test('as free whenever Meta has said so', () => {
    expect(priceKindOf(FACT.delivered | FACT.routeMarketingLite, PRICE.free)).toBe('free')
    expect(priceKindOf(FACT.sent | FACT.routeMarketingLite, PRICE.free)).toBeNull()
  })
})

test('every kind can be read back from the counts, and nothing else is', () => {
  const counts = new Map<string, number>([
    ['recipients', 7],
    ['price:nonsense:BR', 1],
    ['price:marketing:DE', 0],
    ...PRICE_KINDS.map((kind, index) => [priceField(kind, 'BR'), index + 1] as const),
  ])
  expect(pricedMessages(counts)).toEqual(
    PRICE_KINDS.map((kind, index) => ({ kind, country: 'BR', messages: index + 1 })),
  )
})

test('law 2: what is billed can only be corrected by what is learned, never by its order', () => {
  const bits = fc.integer({ min: 0, max: 255 })
  fc.assert(
    fc.property(bits, bits, bits, bits, (facts, moreFacts, prices, morePrices) => {
      const kind = priceKindOf(facts | moreFacts, prices | morePrices)
      expect(priceKindOf(moreFacts | facts, morePrices | prices)).toBe(kind)
      // Once billed, a message stays billed as something.
      if (priceKindOf(facts, prices) !== null) expect(kind).not.toBeNull()
    }),
  )
})
