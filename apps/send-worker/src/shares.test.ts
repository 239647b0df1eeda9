import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { CREDIT_MS, Shares, WEIGHTS } from './shares.ts'

type Campaign = { readonly id: string; readonly weight: number }
const waitingOf = (...ids: readonly string[]) => ids.map((campaign) => ({ campaign }))

/** Turns of so many messages, one each `everyMs`, while all of these wait; what each was given. */
function turns(
  shares: Shares,
  waiting: readonly Campaign[],
  { from = 0, count = 1_000, everyMs = 10, messages = () => 10 }: Partial<Turning> = {},
): Record<string, number> {
  const given: Record<string, number> = {}
  for (let turn = 0; turn < count; turn++) {
    const at = from + turn * everyMs
    const next = shares.next(waitingOf(...waiting.map(({ id }) => id)), at)?.campaign ?? ''
    const size = messages(turn)
    shares.charge(next, size, at)
    given[next] = (given[next] ?? 0) + size
  }
  return given
}
type Turning = { from: number; count: number; everyMs: number; messages: (turn: number) => number }

function enter(shares: Shares, campaigns: readonly Campaign[], at = 0): void {
  for (const { id, weight } of campaigns) shares.enter(id, weight, at)
}

const [LOW, NORMAL, HIGH]: readonly Campaign[] = [
  { id: 'low', weight: WEIGHTS.low },
  { id: 'normal', weight: WEIGHTS.normal },
  { id: 'high', weight: WEIGHTS.high },
] as const

test('campaigns of one priority are given the same, of several by their weights, and nobody starves', () => {
  const shares = new Shares()
  const campaigns = [LOW, NORMAL, HIGH].filter((one) => one !== undefined)
  enter(shares, campaigns)
  const { low = 0, normal = 0, high = 0 } = turns(shares, campaigns)
  expect([normal / low, high / low].map(Math.round)).toEqual([2, 4])
})

test('whatever the sizes of turns, no two shares differ by more than a turn and the credit', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(1, 2, 4), { minLength: 2, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 250 }), { minLength: 1, maxLength: 300 }),
      (weights, sizes) => {
        const shares = new Shares()
        const campaigns = weights.map((weight, index) => ({ id: `c${index}`, weight }))
        enter(shares, campaigns)
        const given = turns(shares, campaigns, { count: sizes.length, messages: (turn) => sizes[turn] ?? 1 })
        const times = campaigns.map(({ id, weight }) => (given[id] ?? 0) / weight)
        expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(250)
      },
    ),
  )
})

describe('a newcomer', () => {
  const OLD: Campaign = { id: 'old', weight: 2 }
  const NEW: Campaign = { id: 'new', weight: 2 }

  test('takes the next turn, makes up for the last second, and shares from then on', () => {
    const shares = new Shares()
    enter(shares, [OLD])
    turns(shares, [OLD])
    enter(shares, [NEW], 10_000)
    const first = turns(shares, [OLD, NEW], { from: 10_000, count: 100 })
    // A second of the sender is 1,000 messages here; some of it is already over when turns are given.
    expect(first['old'] ?? 0).toBeLessThanOrEqual(100)
    const { old = 0, new: young = 0 } = turns(shares, [OLD, NEW], { from: 11_000 })
    expect(young / old).toBeCloseTo(1, 1)
  })

  test('does not make up for more than that, however long the other went before it', () => {
    const shares = new Shares()
    enter(shares, [OLD])
    turns(shares, [OLD], { count: 10_000 })
    enter(shares, [NEW], 100_000)
    const { old = 0, new: young = 0 } = turns(shares, [OLD, NEW], { from: 100_000, count: 2_000 })
    expect(young - old).toBeLessThanOrEqual(1.1 * CREDIT_MS)
  })

  test('gains nothing by leaving and coming again', () => {
    const shares = new Shares()
    enter(shares, [OLD, NEW])
    const given: Record<string, number> = {}
    for (let turn = 0; turn < 1_000; turn++) {
      const at = turn * 10
      const next = shares.next(waitingOf('old', 'new'), at)?.campaign ?? ''
      shares.charge(next, 10, at)
      given[next] = (given[next] ?? 0) + 10
      shares.leave('new', at)
      shares.enter('new', NEW.weight, at)
    }
    expect((given['new'] ?? 0) / (given['old'] ?? 1)).toBeCloseTo(1, 1)
  })
})

test('who was kept from its turns makes up for a second, not for all of the time', () => {
  const shares = new Shares()
  enter(shares, [
    { id: 'a', weight: 2 },
    { id: 'b', weight: 2 },
  ])
  turns(shares, [{ id: 'a', weight: 2 }], { count: 3_000 })
  const both = [
    { id: 'a', weight: 2 },
    { id: 'b', weight: 2 },
  ]
  const { a = 0, b = 0 } = turns(shares, both, { from: 30_000 })
  expect(b - a).toBeGreaterThan(0.8 * CREDIT_MS)
  expect(b - a).toBeLessThanOrEqual(1.1 * CREDIT_MS)
})

test('what is given back counts for nobody', () => {
  const shares = new Shares()
  enter(shares, [
    { id: 'a', weight: 2 },
    { id: 'b', weight: 2 },
  ])
  shares.charge('a', 100, 0)
  shares.refund('a', 100)
  expect(shares.next(waitingOf('a', 'b'), 0)?.campaign).toBe('a')
  shares.charge('a', 1, 0)
  expect(shares.next(waitingOf('a', 'b'), 0)?.campaign).toBe('b')
})

test('who has left is not visited, and two visits are left twice', () => {
  const shares = new Shares()
  shares.enter('a', 1, 0)
  shares.enter('a', 1, 0)
  shares.leave('a', 0)
  expect(shares.visits('a')).toBe(1)
  shares.leave('a', 0)
  expect(shares.visits('a')).toBe(0)
  expect(shares.next([], 0)).toBeUndefined()
})
