import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { decide, restDelay, retryDelay } from './decide.ts'
import type { Circumstances } from './decide.ts'
import { ATTEMPTS_MAX } from './disposition.ts'
import { ERROR_TABLE, ruleFor } from './error-table.ts'
import type { FollowUp } from './error-table.ts'
import { FACT } from './facts.ts'
import type { Outcome } from './outcome.ts'

const NOW = 1_800_000_000_000
const at: Circumstances = { attempt: 1, now: NOW, notAfter: null, random: 0 }

function refused(code: number, more: Partial<Outcome & { kind: 'refused' }> = {}): Outcome {
  return { kind: 'refused', code, httpStatus: 400, details: '', waitMs: null, ...more }
}

/** What a row of the table must come to for a first attempt; a missing follow-up does not compile. */
const EXPECTED: { readonly [K in FollowUp['kind']]: { readonly move: string; readonly effect: string } } = {
  throttle: { move: 'released', effect: 'throttle' },
  rest: { move: 'released', effect: 'rest' },
  retry: { move: 'retry', effect: 'none' },
  reject: { move: 'rejected', effect: 'none' },
  suppress: { move: 'suppressed', effect: 'none' },
  hold_campaign: { move: 'released', effect: 'hold_campaign' },
  block_sender: { move: 'released', effect: 'block_sender' },
  unknown: { move: 'unknown', effect: 'none' },
}

describe('the error table', () => {
  test('no code is in two rows', () => {
    const sorted = ERROR_TABLE.toSorted((a, b) => a.code - b.code)
    for (const [index, row] of sorted.entries()) {
      expect(row.through).toBeGreaterThanOrEqual(row.code)
      expect(sorted[index + 1]?.code ?? Infinity).toBeGreaterThan(row.through)
    }
  })

  test.each(ERROR_TABLE.map((row) => [row.code, row] as const))(
    'code %i follows its row, whatever the HTTP status',
    (code, row) => {
      for (const httpStatus of [400, 401, 403, 404, 429, 500, 503]) {
        const decision = decide(refused(code, { httpStatus }), at)
        expect({ move: decision.move.kind, effect: decision.effect.kind }).toEqual(EXPECTED[row.follow.kind])
      }
      expect(ruleFor(row.through, 400)).toBe(row)
    },
  )

  test('0 is a code like any other', () => {
    expect(decide(refused(0), at).effect).toMatchObject({ kind: 'block_sender', code: 0, scope: 'token' })
  })

  test.each([
    [1, 400, 'rejected'],
    [1, 500, 'unknown'],
    [999_999, 404, 'rejected'],
    [999_999, 500, 'unknown'],
    [134_102, 500, 'released'],
    [131_045, 500, 'released'],
  ])('code %i under HTTP %i becomes %s', (code, httpStatus, move) => {
    expect(decide(refused(code, { httpStatus }), at).move.kind).toBe(move)
  })
})

describe('decide', () => {
  test('accepted, held, lost, held back and not sent', () => {
    expect(decide({ kind: 'accepted', messageId: 'x', held: false }, at).move).toEqual({ kind: 'accepted', facts: 0 })
    expect(decide({ kind: 'accepted', messageId: 'x', held: true }, at).move).toEqual({
      kind: 'accepted',
      facts: FACT.held,
    })
    expect(decide({ kind: 'lost', reason: 'x' }, at)).toEqual({ move: { kind: 'unknown' }, effect: { kind: 'none' } })
    expect(decide({ kind: 'held_back', reason: 'x' }, at)).toEqual({
      move: { kind: 'released' },
      effect: { kind: 'none' },
    })
    expect(decide({ kind: 'not_sent', reason: 'x' }, at)).toMatchObject({
      move: { kind: 'released' },
      effect: { kind: 'rest' },
    })
  })

  test('what may have been sent is never free to be claimed again', () => {
    const lost = fc.oneof(
      fc.record({ kind: fc.constant('lost' as const), reason: fc.string() }),
      fc.constant(refused(131_000, { httpStatus: 500 })),
    )
    fc.assert(
      fc.property(
        lost,
        fc.integer({ min: 1, max: ATTEMPTS_MAX }),
        (outcome, attempt) => decide(outcome, { ...at, attempt }).move.kind === 'unknown',
      ),
    )
  })

  test('the pair limit waits 4^n seconds, at most six times', () => {
    const dues = [1, 2, 3, 4, 5, 6].map((attempt) => decide(refused(131_056), { ...at, attempt }).move)
    expect(dues.map((move) => move.kind === 'retry' && move.due - NOW)).toEqual([
      1_000, 4_000, 16_000, 64_000, 256_000, 1_024_000,
    ])
    expect(decide(refused(131_056), { ...at, attempt: 7 }).move).toEqual({ kind: 'rejected', code: 131_056 })
  })

  test("the answer's own wish for a wait is honoured", () => {
    expect(decide(refused(131_056, { waitMs: 120_000 }), at).move).toMatchObject({ kind: 'retry', due: NOW + 120_000 })
    expect(decide(refused(130_429, { waitMs: 5_000 }), at).effect).toEqual({ kind: 'throttle', waitMs: 5_000 })
  })

  test('no retry is ever due after the last safe moment, nor earlier than asked', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 0, max: 2_000_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, ahead, random) => {
          const { move } = decide(refused(131_056), { attempt, now: NOW, notAfter: NOW + ahead, random })
          if (move.kind !== 'retry') return move.kind === 'rejected'
          return move.due <= NOW + ahead && move.due >= NOW + 1_000 * 4 ** (attempt - 1)
        },
      ),
    )
  })
})

describe('delays', () => {
  test('a retry comes within a quarter after its time', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 0, max: 6 }), (random, used) => {
        const delay = retryDelay(1, 4, used, null, random)
        return delay >= 1_000 * 4 ** used && delay <= 1_250 * 4 ** used
      }),
    )
  })

  test('a rest grows with each failure in a row and stays within its bounds', () => {
    const longest = [0, 1, 2, 3, 10, 100].map((failures) => restDelay(250, failures, 0.999_999))
    expect(longest).toEqual([250, 500, 1_000, 2_000, 60_000, 60_000])
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3_600_000 }),
        fc.nat(1_000),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (base, failures, random) => {
          const delay = restDelay(base, failures, random)
          return delay >= Math.floor(base / 4) && delay <= Math.max(60_000, base)
        },
      ),
    )
  })
})

test('every code has words', () => {
  for (const row of ERROR_TABLE) expect(ruleFor(row.code, 400).meaning.length).toBeGreaterThan(10)
})
