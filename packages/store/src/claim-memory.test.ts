import type { ClaimAnswer } from '@chasqui/delivery'
import { expect, test } from 'vitest'

import { ClaimMemory } from './claim-memory.ts'

const claimed = (serial: number): ClaimAnswer => ({ kind: 'claimed', rows: [], nextRow: 0, serial })

test('remembers the latest claim of each campaign', () => {
  const memory = new ClaimMemory('me')
  const heard = [
    memory.hear('a', 't1', 0, claimed(1)),
    memory.hear('a', 't2', 1, claimed(2)),
    memory.hear('b', 't3', 0, claimed(1)),
  ]
  expect(heard).toEqual([false, false, false])
  expect([memory.latest('a'), memory.latest('b'), memory.latest('c')]).toEqual([2, 1, 0])
})

test.each<[string, number, ClaimAnswer]>([
  ['it says so', 5, { kind: 'backwards' }],
  ['it gives a number that was given before the question', 5, claimed(3)],
  // Both questions were asked before either was answered, and Redis went back in between.
  ['it gives a number twice', 4, claimed(5)],
])('notices a ledger that has forgotten claims: %s', (_what, asked, reply) => {
  const memory = new ClaimMemory('me')
  memory.hear('a', 't1', 4, claimed(5))
  expect(memory.hear('a', 't2', asked, reply)).toBe(true)
  expect(memory.latest('a')).toBe(5)
})

test('the same claim answered twice, and answers that overtake each other, are no sign of it', () => {
  const memory = new ClaimMemory('me')
  expect(memory.hear('a', 't2', 0, claimed(2))).toBe(false)
  expect(memory.hear('a', 't1', 0, claimed(1))).toBe(false)
  expect(memory.hear('a', 't2', 0, claimed(2))).toBe(false)
  expect(memory.latest('a')).toBe(2)
})

test.each<ClaimAnswer>([{ kind: 'late' }, { kind: 'expired' }, { kind: 'stopped', status: 'paused' }, claimed(0)])(
  'an answer that claims nothing changes nothing: %o',
  (reply) => {
    const memory = new ClaimMemory('me')
    memory.hear('a', 't1', 0, claimed(3))
    expect(memory.hear('a', 't2', 3, reply)).toBe(false)
    expect(memory.latest('a')).toBe(3)
  },
)

test('forgets all when the ledger is trusted again', () => {
  const memory = new ClaimMemory('me')
  memory.hear('a', 't1', 0, claimed(5))
  memory.forget()
  expect(memory.latest('a')).toBe(0)
  expect(memory.hear('a', 't2', 0, claimed(5))).toBe(false)
})

test('stays small, and keeps what was claimed from last', () => {
  const memory = new ClaimMemory('me')
  for (let serial = 1; serial <= 3_000; serial++) {
    memory.hear(`c${serial}`, 't', 0, claimed(1))
    memory.hear('busy', `t${serial}`, serial - 1, claimed(serial))
  }
  expect([memory.latest('busy'), memory.latest('c1'), memory.latest('c3000')]).toEqual([3_000, 0, 1])
})
