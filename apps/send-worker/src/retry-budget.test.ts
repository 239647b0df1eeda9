import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { RetryBudget } from './retry-budget.ts'

/** Requests at a steady pace from 0 on for `seconds`. */
function busy(perSecond: number, seconds: number): RetryBudget {
  const budget = new RetryBudget(0)
  for (let at = 0; at < seconds * 1_000; at += 1_000 / perSecond) budget.note(at)
  return budget
}

describe('a retry budget', () => {
  test('lets a few tries through as they come', () => {
    const budget = busy(100, 10)
    for (let tries = 0; tries < 20; tries++) expect(budget.delay(10_000)).toBe(0)
    expect(budget.delay(10_000)).toBeGreaterThan(0)
  })

  test('spreads a storm over so long that it is a tenth of the requests', () => {
    const budget = busy(100, 20)
    const delays = Array.from({ length: 1_020 }, () => budget.delay(20_000))
    // 100 requests a second leave ten tries a second: the last of a thousand comes after a hundred seconds.
    expect(delays.at(-1)).toBeGreaterThan(99_000)
    expect(delays.at(-1)).toBeLessThan(102_000)
    expect(delays).toEqual(delays.toSorted((a, b) => a - b))
  })

  test('recovers when nobody asks for a while', () => {
    const budget = busy(100, 20)
    for (let tries = 0; tries < 100; tries++) budget.delay(20_000)
    expect(budget.delay(40_000)).toBe(0)
  })

  test('never lets more than the share and the burst through in any time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { minLength: 50, maxLength: 400 }), (pauses) => {
        const budget = busy(1_000, 5)
        let now = 5_000
        const due = pauses.map((pause) => (now += pause) && now + budget.delay(now)).toSorted((a, b) => a - b)
        // A hundred a second: 20 at once, and one each ten ms after that.
        for (let from = 0; from < due.length; from++)
          for (let to = from + 21; to < due.length; to += 13)
            expect((due[to] ?? 0) - (due[from] ?? 0)).toBeGreaterThanOrEqual((to - from - 21) * 9.9)
      }),
    )
  })

  test('of a sender that hardly sends keeps its tries within minutes', () => {
    const budget = new RetryBudget(0)
    for (let tries = 0; tries < 20; tries++) budget.delay(0)
    expect(budget.delay(0)).toBeLessThanOrEqual(1_000)
  })
})
