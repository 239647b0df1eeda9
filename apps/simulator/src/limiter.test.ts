import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PairLimiter, SlidingLimiter, SlidingMax } from './limiter.ts'

/** Arrivals: gaps in milliseconds, many of them zero or tiny. */
const gaps = fc.array(
  fc.oneof(fc.constant(0), fc.double({ min: 0, max: 40, noNaN: true }), fc.double({ min: 0, max: 1500, noNaN: true })),
  { maxLength: 300 },
)

function timesOf(someGaps: readonly number[]): number[] {
  let now = 1_795_000_000_000
  return someGaps.map((gap) => (now += gap))
}

/** The most of them in any half-open second, the slow way. */
function maxInAnySecond(times: readonly number[]): number {
  return times.reduce((max, start, i) => Math.max(max, times.slice(i).filter((time) => time - start < 1000).length), 0)
}

describe('the limit of a number', () => {
  test('is held in every sliding second, and nothing is refused below it', () => {
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 30 }), (someGaps, limit) => {
        const limiter = new SlidingLimiter(limit)
        const passed: number[] = []
        for (const now of timesOf(someGaps)) {
          const inWindow = passed.filter((time) => now - time < 1000).length
          expect(limiter.take(now)).toBe(inWindow < limit)
          if (inWindow < limit) passed.push(now)
        }
        expect(maxInAnySecond(passed)).toBeLessThanOrEqual(limit)
      }),
    )
  })

  test('can change at any moment without forgetting the last second', () => {
    fc.assert(
      fc.property(
        gaps,
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 300 }),
        (someGaps, limits) => {
          const limiter = new SlidingLimiter(10)
          const passed: number[] = []
          for (const [i, now] of timesOf(someGaps).entries()) {
            const limit = limits[i % limits.length] ?? 1
            limiter.resize(limit)
            const taken = limiter.take(now)
            if (passed.filter((time) => now - time < 1000).length >= limit) expect(taken).toBe(false)
            if (taken) passed.push(now)
          }
        },
      ),
    )
  })

  test('shows how much of it is used', () => {
    const limiter = new SlidingLimiter(80)
    expect(limiter.usage(0)).toBe(0)
    for (let i = 0; i < 40; i++) limiter.take(i)
    expect(limiter.usage(100)).toBe(50)
    expect(limiter.usage(5_000)).toBe(0)
  })
})

test('the most in any sliding second is what a slow count finds', () => {
  fc.assert(
    fc.property(gaps, (someGaps) => {
      const meter = new SlidingMax()
      const times = timesOf(someGaps)
      for (const time of times) meter.add(time)
      expect(meter.max).toBe(maxInAnySecond(times))
    }),
  )
})

describe('the limit of a pair', () => {
  const limit = { everyMs: 6_000, burst: 3 }

  test('lets a burst through, then one at a time', () => {
    const pairs = new PairLimiter()
    expect([0, 1, 2, 3].map((now) => pairs.take('a', now, limit))).toEqual([true, true, true, false])
    expect(pairs.take('a', 6_000, limit)).toBe(true)
    expect(pairs.take('a', 6_001, limit)).toBe(false)
  })

  test('concerns no other pair', () => {
    const pairs = new PairLimiter()
    for (let i = 0; i < 4; i++) pairs.take('a', 0, limit)
    expect(pairs.take('b', 0, limit)).toBe(true)
  })
})
