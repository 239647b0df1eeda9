import type { ClaimAnswer } from '@chasqui/delivery'
import { expect, test } from 'vitest'

import { ClaimMemory } from './claim-memory.ts'

const claimed = (serial: number): ClaimAnswer => ({ kind: 'claimed', rows: [], nextRow: 0, serial })

test('remembers the claims of each campaign', () => {
  const memory = new ClaimMemory('me')
  expect(memory.hear('a', 0, claimed(1))).toBe(false)
  expect(memory.hear('a', 1, claimed(2))).toBe(false)
  expect(memory.hear('b', 0, claimed(1))).toBe(false)
  expect([memory.remembered('a'), memory.remembered('b'), memory.remembered('c')]).toEqual([2, 1, 0])
})

test.each<[string, number, ClaimAnswer]>([
  ['it says so', 5, { kind: 'backwards' }],
  ['it gives a number that was given before the question', 5, claimed(4)],
  // Both questions were asked before either was answered, and Redis went back in between.
  ['it gives a number twice', 4, claimed(5)],
])('notices a ledger that has forgotten claims: %s', (_what, remembered, reply) => {
  const memory = new ClaimMemory('me')
  memory.hear('a', 4, claimed(5))
  expect(memory.hear('a', remembered, reply)).toBe(true)
  expect(memory.remembered('a')).toBe(5)
})

test('answers that overtake each other are no sign of it', () => {
  const memory = new ClaimMemory('me')
  memory.hear('a', 0, claimed(2))
  expect(memory.hear('a', 0, claimed(1))).toBe(false)
  expect(memory.remembered('a')).toBe(2)
})

test.each<ClaimAnswer>([{ kind: 'late' }, { kind: 'expired' }, { kind: 'stopped', status: 'paused' }, claimed(0)])(
  'an answer that claims nothing anew tells nothing: %o',
  (reply) => {
    const memory = new ClaimMemory('me')
    memory.hear('a', 0, claimed(3))
    expect(memory.hear('a', 3, reply)).toBe(false)
    expect(memory.remembered('a')).toBe(3)
  },
)

test('forgets all when the ledger is trusted again', () => {
  const memory = new ClaimMemory('me')
  memory.hear('a', 0, claimed(5))
  memory.forget()
  expect(memory.remembered('a')).toBe(0)
})

test('stays small, and keeps what was claimed from last', () => {
  const memory = new ClaimMemory('me')
  for (let serial = 1; serial <= 3_000; serial++) {
    memory.hear(`c${serial}`, 0, claimed(1))
    memory.hear('busy', serial - 1, claimed(serial))
  }
  expect([memory.remembered('busy'), memory.remembered('c1'), memory.remembered('c3000')]).toEqual([3_000, 0, 1])
})
