import fc from 'fast-check'
import { expect, test } from 'vitest'

import { RedisOffset } from './redis-offset.ts'

const exchange = fc.record({
  /** Between one answer and the next question. */
  passMs: fc.nat(3_000),
  /** The question's way and the answer's. */
  thereMs: fc.double({ min: 0, max: 40, noNaN: true }),
  backMs: fc.double({ min: 0, max: 40, noNaN: true }),
  /** The machine is suspended while it waits for the answer, or before it asks. */
  suspended: fc.record({
    waiting: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3_000) }),
    before: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3_000) }),
  }),
})

test('Redis’ time is never more or less than is said, however long answers take and whenever the machine is suspended', () => {
  fc.assert(
    fc.property(fc.array(exchange, { minLength: 1, maxLength: 40 }), (exchanges) => {
      const offset = new RedisOffset()
      let truth = 1_700_000_000_000
      let lost = 5_000
      const clocks = () => ({ now: truth - 1_699_999_000_000 - lost, wall: Math.floor(truth - 77_000) })
      for (const { passMs, thereMs, backMs, suspended } of exchanges) {
        truth += passMs + suspended.before
        lost += suspended.before
        const asked = clocks()
        truth += thereMs
        const stamp = truth
        truth += backMs + suspended.waiting
        lost += suspended.waiting
        const received = clocks()
        const { least, most } = offset.note(asked, received, stamp)
        const is = truth - received.now
        expect(least).toBeLessThanOrEqual(is + 0.001)
        // The machine's clock tells whole milliseconds.
        expect(most).toBeGreaterThanOrEqual(is - 1)
      }
    }),
  )
})

test('the quickest of the last answers says most', () => {
  const offset = new RedisOffset()
  const at = (now: number) => ({ now, wall: now })
  offset.note(at(0), at(1), 1_000.5)
  const { least, most } = offset.note(at(100), at(180), 1_140)
  expect(least).toBeCloseTo(999.5, 0)
  expect(most).toBeCloseTo(1_000.5, 0)
})

test('after Redis’ clock was set, only what was heard last holds', () => {
  const offset = new RedisOffset()
  const at = (now: number) => ({ now, wall: now })
  offset.note(at(0), at(1), 1_000)
  expect(offset.note(at(100), at(110), 3_600_000)).toEqual({ least: 3_599_890, most: 3_599_900 })
})
