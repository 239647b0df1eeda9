import fc from 'fast-check'
import { expect, test } from 'vitest'

import { attemptsOf, ATTEMPTS_MAX, DISPOSITIONS, dispositionOf, ledgerByte, STATE, stateOf } from './disposition.ts'
import type { Disposition, StateName } from './disposition.ts'

/** Every state's number, for good, and what upstream calls it. */
const STORED: Readonly<Record<StateName, readonly [code: number, disposition: Disposition | null]>> = {
  absent: [0, null],
  pending: [1, 'pending'],
  waiting: [2, 'pending'],
  sending: [3, 'sending'],
  unknown: [4, 'unknown'],
  accepted: [5, 'accepted'],
  rejected: [6, 'rejected'],
  expired: [7, 'expired'],
  suppressed: [8, 'suppressed'],
  canceled: [9, 'canceled'],
}

test('the stored numbers keep their meaning', () => {
  const now = Object.entries(STATE).map(([name, code]) => [name, [code, dispositionOf(code)]])
  expect(Object.fromEntries(now)).toEqual(STORED)
})

test('every disposition is reached by some state', () => {
  const reached = new Set(Object.values(STATE).map((code) => dispositionOf(code)))
  expect(DISPOSITIONS.filter((disposition) => !reached.has(disposition))).toEqual([])
})

test('state and attempts share a byte and come back as they were', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(STATE)),
      fc.integer({ min: 0, max: ATTEMPTS_MAX }),
      (state, attempts) => {
        const byte = ledgerByte(state, attempts)
        expect(byte).toBeGreaterThanOrEqual(0)
        expect(byte).toBeLessThanOrEqual(255)
        expect([stateOf(byte), attemptsOf(byte)]).toEqual([state, attempts])
      },
    ),
  )
})

test('a byte that no version has written yet stands for nobody', () => {
  for (let state = 10; state < 16; state++) expect(dispositionOf(state)).toBeNull()
})
