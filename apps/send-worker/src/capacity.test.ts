import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { Capacity } from './capacity.ts'

const NEVER = new AbortController().signal

/** A capacity and a clock that stands still until it is told. */
function capacityOf(connections: number): { capacity: Capacity; pass: (ms: number) => void } {
  let now = 0
  return { capacity: new Capacity(connections, () => now), pass: (ms) => (now += ms) }
}

/** Answers come at a pace for a while, so that it is known. */
async function answer(capacity: Capacity, pass: (ms: number) => void, perMs: number): Promise<void> {
  for (let times = 0; times < 20; times++) {
    const places = await capacity.take(perMs * 10, NEVER)
    pass((places / perMs) * 10)
    capacity.giveBack(places, true)
  }
}

test('as many as there are connections, and one ahead until the pace is known', async () => {
  const { capacity } = capacityOf(10)
  expect(await capacity.take(100, NEVER)).toBe(11)
  expect(capacity.taken).toBe(11)
})

test('never more than was asked for', async () => {
  const { capacity } = capacityOf(10)
  expect(await capacity.take(3, NEVER)).toBe(3)
})

test('whoever finds no room waits until a place is given back', async () => {
  const { capacity } = capacityOf(2)
  const first = await capacity.take(3, NEVER)
  let got = 0
  const second = capacity.take(3, NEVER).then((places) => (got = places))
  await Promise.resolve()
  expect([first, got]).toEqual([3, 0])
  capacity.giveBack(1, true)
  await second
  expect([got, capacity.taken]).toEqual([1, 3])
})

test('whoever is told to stop waits no more and takes nothing', async () => {
  const { capacity } = capacityOf(1)
  await capacity.take(2, NEVER)
  const stop = new AbortController()
  const waiting = capacity.take(1, stop.signal)
  stop.abort()
  expect([await waiting, await capacity.take(1, stop.signal), capacity.taken]).toEqual([0, 0, 2])
})

describe('the room ahead', () => {
  test('follows the pace: about a tenth of a second of it', async () => {
    const { capacity, pass } = capacityOf(100)
    await answer(capacity, pass, 0.5)
    expect(await capacity.take(1_000, NEVER)).toBeGreaterThanOrEqual(100)
    capacity.giveBack(capacity.taken, false)
    const slow = await capacity.take(1_000, NEVER)
    expect(slow - 100).toBeLessThanOrEqual(64)
  })

  test('has an end, however fast answers come', async () => {
    const { capacity, pass } = capacityOf(10)
    for (let times = 0; times < 50; times++) {
      const places = await capacity.take(1_000, NEVER)
      pass(1)
      capacity.giveBack(places, true)
      if (times % 10 === 9) pass(100)
    }
    expect(await capacity.take(10_000, NEVER)).toBeLessThanOrEqual(10 + 512)
  })

  test('is not measured by places that were never used', async () => {
    const { capacity, pass } = capacityOf(10)
    for (let times = 0; times < 50; times++) {
      capacity.giveBack(await capacity.take(1_000, NEVER), false)
      pass(10)
    }
    expect(await capacity.take(10_000, NEVER)).toBe(11)
  })
})

test('whatever is taken and given back, no more is taken than connections and the room ahead', async () => {
  const step = fc.record({
    most: fc.integer({ min: 1, max: 200 }),
    back: fc.nat(200),
    answered: fc.boolean(),
    ms: fc.nat(200),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 200 }),
      fc.array(step, { maxLength: 40, size: 'max' }),
      async (connections, steps) => {
        const { capacity, pass } = capacityOf(connections)
        for (const { most, back, answered, ms } of steps) {
          const stop = new AbortController()
          const taking = capacity.take(most, stop.signal)
          stop.abort()
          expect(await taking).toBeLessThanOrEqual(most)
          expect(capacity.taken).toBeLessThanOrEqual(connections + 512)
          pass(ms)
          capacity.giveBack(Math.min(back, capacity.taken), answered)
          expect(capacity.taken).toBeGreaterThanOrEqual(0)
        }
        capacity.giveBack(capacity.taken, false)
        expect(await capacity.take(1, NEVER)).toBe(1)
      },
    ),
  )
})
