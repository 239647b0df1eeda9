import fc from 'fast-check'
import { expect, test } from 'vitest'

import { grantSlots, newPace } from './slots.ts'

type Granted = { readonly at: number; readonly lateMs: number }

const ask = fc.record({
  wanted: fc.integer({ min: 1, max: 60 }),
  /** Calm for long, with a bad spell here and there. */
  lateMs: fc.oneof(
    { weight: 6, arbitrary: fc.constant(8) },
    { weight: 1, arbitrary: fc.integer({ min: 8, max: 150 }) },
  ),
  passMs: fc.integer({ min: 0, max: 400 }),
})

/** All slots of a history, ms. */
function granted(limit: number, asks: ReadonlyArray<{ wanted: number; lateMs: number; passMs: number }>): Granted[] {
  const pace = newPace()
  const slots: Granted[] = []
  let nowUs = 1e12
  for (const { wanted, lateMs, passMs } of asks) {
    nowUs += passMs * 1_000
    const answer = grantSlots(pace, { wanted, messagesPerSecond: limit, horizonMs: 250, lateMs, leadMs: 10, nowUs })
    if (answer.kind !== 'slots') continue
    for (let slot = 0; slot < answer.count; slot++)
      slots.push({ at: (nowUs + answer.firstUs) / 1e3 + (slot * answer.spacingNs) / 1e6, lateMs: answer.lateMs })
  }
  return slots
}

/** Law 5: whenever each message leaves, within its slot and the lateness that was granted with it. */
test('no second can hold more than the limit, however lateness is wished for and let go', () => {
  fc.assert(
    fc.property(fc.constantFrom(10, 80, 400), fc.array(ask, { minLength: 50, maxLength: 300 }), (limit, asks) => {
      const slots = granted(limit, asks)
      for (const [index, { at, lateMs }] of slots.entries()) {
        // The fullest second that this one can be in begins when it leaves at last.
        const begin = at + lateMs
        let held = 0
        for (let other = Math.max(0, index - 200); other < slots.length; other++) {
          const one = slots[other]
          if (one === undefined || one.at >= begin + 1_000) break
          if (one.at + one.lateMs >= begin) held += 1
        }
        expect(held).toBeLessThanOrEqual(limit)
      }
    }),
    { numRuns: 60 },
  )
})
