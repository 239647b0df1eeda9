import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { FACT, learn, viewOf } from './facts.ts'

const facts = fc.integer({ min: 0, max: 255 })

test('law 2: learning is idempotent, commutative and associative, and forgets nothing', () => {
  fc.assert(
    fc.property(facts, facts, facts, (a, b, c) => {
      expect(learn(a, a)).toBe(a)
      expect(learn(a, b)).toBe(learn(b, a))
      expect(learn(learn(a, b), c)).toBe(learn(a, learn(b, c)))
      expect(learn(a, b) & a).toBe(a)
    }),
  )
})

describe('the view of every set of facts there is', () => {
  const all = Array.from({ length: 256 }, (_, set) => ({ set, view: viewOf(set) }))

  test('sent ≥ delivered ≥ read', () => {
    for (const { view } of all) {
      expect(view.sent).toBeGreaterThanOrEqual(view.delivered)
      expect(view.delivered).toBeGreaterThanOrEqual(view.read)
    }
  })

  test('a message is delivered, failed, or taken for undelivered: one of them at most', () => {
    for (const { set, view } of all)
      expect([set, view.delivered + view.failed + view.undelivered <= 1]).toEqual([set, true])
  })

  test('a hold is over as soon as anything follows it', () => {
    for (const { set, view } of all)
      expect([set, view.held + Math.max(view.sent, view.failed) <= 1]).toEqual([set, true])
  })

  test('one route at most, and the marketing route wins', () => {
    for (const { set, view } of all) {
      expect(view.marketing_lite + view.marketing).toBeLessThanOrEqual(1)
      if ((set & FACT.routeMarketingLite) !== 0) expect(view.marketing_lite).toBe(1)
    }
  })
})
