import { expect, test } from 'vitest'

import { raiseFence } from './fence.ts'

/** Redis' clock, this machine's clock and its monotonic one, each with its own beginning. */
const REDIS = 1_700_000_000_000
const WALL = REDIS + 3_600_000

/** What a fence says `elapsedMs` after the question that Redis answered `answeredMs` after it was asked. */
function verdict(at: {
  readonly elapsedMs: number
  readonly answeredMs?: number
  readonly wallMs?: number
  readonly notAfter?: number
}): string | null {
  let now = 100
  let wall = WALL
  const fence = raiseFence(
    { now: () => now, wall: () => wall },
    { now, wall },
    REDIS + (at.answeredMs ?? 1),
    at.notAfter ?? null,
  )
  now += at.elapsedMs
  wall += at.wallMs ?? at.elapsedMs
  return fence()
}

test('lets a fresh request go', () => {
  expect(verdict({ elapsedMs: 300, notAfter: REDIS + 10_000 })).toBeNull()
})

test('an hour between the machine and Redis does not matter', () => {
  expect(verdict({ elapsedMs: 0, notAfter: REDIS + 10 })).toBeNull()
})

test('keeps back what was asked for too long ago, also when its answer lay unread meanwhile', () => {
  expect(verdict({ elapsedMs: 2_001 })).toBe('stale_claim')
})

test('keeps back what a suspended machine would send', () => {
  expect(verdict({ elapsedMs: 10, wallMs: 8_000 })).toBe('clock_jump')
})

test('keeps back what would leave after the last safe moment, by a clock that is never behind', () => {
  expect(verdict({ elapsedMs: 500, answeredMs: 0, notAfter: REDIS + 500 })).toBeNull()
  expect(verdict({ elapsedMs: 501, answeredMs: 0, notAfter: REDIS + 500 })).toBe('too_late')
  // Suspended for 0.7 s meanwhile.
  expect(verdict({ elapsedMs: 10, wallMs: 710, answeredMs: 0, notAfter: REDIS + 700 })).toBe('too_late')
})
