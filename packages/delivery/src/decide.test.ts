import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { decide, restDelay, retryDelay } from './decide.ts'
import type { Circumstances, Decision, Effect } from './decide.ts'
import { ATTEMPTS_MAX } from './disposition.ts'
import { ERROR_TABLE } from './error-table.ts'
import type { ErrorRule, FollowUp } from './error-table.ts'
import { FACT } from './facts.ts'
import type { Outcome } from './outcome.ts'

const NOW = 1_790_000_000_000
const FIRST: Circumstances = { attempt: 1, now: NOW, notAfter: null, random: 0 }
const NONE: Effect = { kind: 'none' }

function refused(code: number, waitMs: number | null = null, httpStatus = 400): Outcome & { kind: 'refused' } {
  return { kind: 'refused', code, httpStatus, details: '', waitMs }
}

/** What must come out of `decide` for each kind of follow-up; a kind without a line does not compile. */
type Expected = { readonly [K in FollowUp['kind']]: (rule: ErrorRule, follow: FollowUp & { kind: K }) => Decision }

const EXPECTED: Expected = {
  throttle: () => ({ move: { kind: 'released' }, effect: { kind: 'throttle', waitMs: null } }),
  rest: ({ code }, { seconds }) => ({
    move: { kind: 'released' },
    effect: { kind: 'rest', restMs: seconds * 1_000, askedMs: null, reason: `code ${code}` },
  }),
  retry: ({ code }, { seconds }) => ({
    move: { kind: 'retry', due: NOW + seconds * 1_000, code },
    effect: NONE,
  }),
  reject: ({ code }) => ({ move: { kind: 'rejected', code }, effect: NONE }),
  suppress: ({ code }) => ({ move: { kind: 'suppressed', code }, effect: NONE }),
  hold_campaign: ({ code }, { seconds }) => ({
    move: { kind: 'released' },
    effect: { kind: 'hold_campaign', code, forMs: seconds === null ? null : seconds * 1_000 },
  }),
  block_sender: ({ code, scope }, { seconds }) => ({
    move: { kind: 'released' },
    effect: { kind: 'block_sender', code, scope, forMs: seconds * 1_000 },
  }),
  unknown: () => ({ move: { kind: 'unknown' }, effect: NONE }),
}

function expected(rule: ErrorRule): Decision {
  const line = EXPECTED[rule.follow.kind] as (rule: ErrorRule, follow: FollowUp) => Decision
  return line(rule, rule.follow)
}

describe('every row of the error table', () => {
  test.each(ERROR_TABLE)('$code: $follow.kind ($meaning)', (rule) => {
    expect(decide(refused(rule.code), FIRST)).toEqual(expected(rule))
    // 5xx or 4xx: the code decides.
    expect(decide(refused(rule.through, null, 500), FIRST)).toEqual(expected({ ...rule, code: rule.through }))
  })
})

describe('what is no refusal', () => {
  const cases: ReadonlyArray<readonly [string, Outcome, Decision]> = [
    [
      'accepted',
      { kind: 'accepted', messageId: 'wamid.1', held: false },
      { move: { kind: 'accepted', facts: 0 }, effect: NONE },
    ],
    [
      'accepted, and held by pacing',
      { kind: 'accepted', messageId: 'wamid.1', held: true },
      { move: { kind: 'accepted', facts: FACT.held }, effect: NONE },
    ],
    [
      'held back by our fence',
      { kind: 'held_back', reason: 'stale_claim' },
      { move: { kind: 'released' }, effect: NONE },
    ],
    [
      'surely not sent',
      { kind: 'not_sent', reason: 'ECONNREFUSED' },
      { move: { kind: 'released' }, effect: { kind: 'rest', restMs: 250, askedMs: null, reason: 'ECONNREFUSED' } },
    ],
    ['lost', { kind: 'lost', reason: 'UND_ERR_SOCKET' }, { move: { kind: 'unknown' }, effect: NONE }],
  ]

  test.each(cases)('%s', (_name, outcome, decision) => {
    expect(decide(outcome, FIRST)).toEqual(decision)
  })
})

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ kind: fc.constant('accepted' as const), messageId: fc.string({ minLength: 1 }), held: fc.boolean() }),
  fc.record({ kind: fc.constantFrom('lost' as const, 'not_sent' as const, 'held_back' as const), reason: fc.string() }),
  fc.record({
    kind: fc.constant('refused' as const),
    code: fc.oneof(fc.constantFrom(...ERROR_TABLE.map((row) => row.code)), fc.nat()),
    httpStatus: fc.integer({ min: 200, max: 599 }),
    details: fc.string(),
    waitMs: fc.option(fc.integer({ min: 1, max: 86_400_000 })),
  }),
)

const circumstances: fc.Arbitrary<Circumstances> = fc.record({
  attempt: fc.integer({ min: 1, max: ATTEMPTS_MAX }),
  now: fc.integer({ min: NOW, max: NOW + 1e9 }),
  notAfter: fc.option(fc.integer({ min: NOW - 1e9, max: NOW + 2e9 })),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
})

describe('whatever comes', () => {
  test('what may have been sent is never free to be sent again, and what was surely not sent burns nothing', () => {
    fc.assert(
      fc.property(outcome, circumstances, (came, at) => {
        const { move } = decide(came, at)
        if (came.kind === 'lost') expect(move.kind).toBe('unknown')
        if (came.kind === 'not_sent' || came.kind === 'held_back') expect(move.kind).toBe('released')
        if (came.kind === 'accepted') expect(move.kind).toBe('accepted')
      }),
    )
  })

  test('only refusals that stop others give the recipient back: a released recipient has somebody who waits', () => {
    fc.assert(
      fc.property(outcome, circumstances, (came, at) => {
        const { move, effect } = decide(came, at)
        if (move.kind === 'released' && came.kind !== 'held_back') expect(effect.kind).not.toBe('none')
        if (move.kind !== 'released') expect(effect).toEqual(NONE)
      }),
    )
  })

  test('no retry comes after the last safe moment, in the past, or past the last attempt', () => {
    fc.assert(
      fc.property(outcome, circumstances, (came, at) => {
        const { move } = decide(came, at)
        if (move.kind !== 'retry') return
        expect(move.due).toBeGreaterThanOrEqual(at.now)
        expect(move.due).toBeLessThanOrEqual(at.notAfter ?? Infinity)
        expect(at.attempt).toBeLessThan(ATTEMPTS_MAX)
      }),
    )
  })
})

describe('retries', () => {
  const pair = (attempt: number): Decision => decide(refused(131056), { ...FIRST, attempt })

  test('a pair that was too fast waits 1, 4, 16 … seconds, six times, then it is rejected', () => {
    const dues = [1, 2, 3, 4, 5, 6].map((attempt) => pair(attempt).move)
    expect(dues).toEqual(
      [1, 4, 16, 64, 256, 1_024].map((seconds) => ({ kind: 'retry', due: NOW + seconds * 1_000, code: 131056 })),
    )
    expect(pair(7).move).toEqual({ kind: 'rejected', code: 131056 })
  })

  test('the endpoint may say itself when to come again', () => {
    expect(decide(refused(131056, 90_000), FIRST).move).toEqual({ kind: 'retry', due: NOW + 90_000, code: 131056 })
  })

  test('at the bound there is one, a millisecond past it there is none', () => {
    expect(decide(refused(131056), { ...FIRST, notAfter: NOW + 1_000 }).move.kind).toBe('retry')
    expect(decide(refused(131056), { ...FIRST, notAfter: NOW + 999 }).move.kind).toBe('rejected')
  })
})

describe('a person who had enough marketing for now', () => {
  const DAY = 86_400_000
  const limit = (at: Partial<Circumstances>, waitMs: number | null = null): Decision['move'] =>
    decide(refused(131049, waitMs), { ...FIRST, ecosystemLimitRetries: 2, ...at }).move

  test('is refused for good, unless the campaign wants another try', () => {
    expect(limit({ ecosystemLimitRetries: undefined })).toEqual({ kind: 'rejected', code: 131049 })
    expect(limit({})).toEqual({ kind: 'retry', due: NOW + DAY, code: 131049 })
  })

  test('is tried no sooner than a day later, whatever the answer asks for', () => {
    expect(limit({}, 1_000)).toMatchObject({ due: NOW + DAY })
    expect(limit({}, 2 * DAY)).toMatchObject({ due: NOW + 2 * DAY })
  })

  test('is tried so often and no more, and never past the last safe moment', () => {
    expect(limit({ attempt: 2 }).kind).toBe('retry')
    expect(limit({ attempt: 3 })).toEqual({ kind: 'rejected', code: 131049 })
    expect(limit({ notAfter: NOW + DAY }).kind).toBe('retry')
    expect(limit({ notAfter: NOW + DAY - 1 })).toEqual({ kind: 'rejected', code: 131049 })
  })
})

test('what the endpoint asks for is asked for: a rest and a throttle carry its wait', () => {
  expect(decide(refused(4, 120_000), FIRST).effect).toEqual({
    kind: 'rest',
    restMs: 60_000,
    askedMs: 120_000,
    reason: 'code 4',
  })
  expect(decide(refused(130429, 3_000), FIRST).effect).toEqual({ kind: 'throttle', waitMs: 3_000 })
})

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

describe('retryDelay', () => {
  const seconds = fc.integer({ min: 1, max: 3_600 })
  const factor = fc.integer({ min: 1, max: 4 })
  const used = fc.integer({ min: 0, max: 6 })

  test('is never earlier than asked and at most a quarter later', () => {
    fc.assert(
      fc.property(
        seconds,
        factor,
        used,
        fc.option(fc.integer({ min: 1, max: 86_400_000 })),
        chance,
        (s, f, n, waitMs, random) => {
          const asked = waitMs ?? s * 1_000 * f ** n
          expect(retryDelay(s, f, n, waitMs, random)).toBeGreaterThanOrEqual(asked)
          expect(retryDelay(s, f, n, waitMs, random)).toBeLessThanOrEqual(Math.ceil(asked * 1.25))
        },
      ),
    )
  })

  test('grows with every retry used, whatever chance says, once the factor outgrows the jitter', () => {
    fc.assert(
      fc.property(seconds, fc.integer({ min: 2, max: 4 }), used, chance, chance, (s, f, n, one, other) => {
        expect(retryDelay(s, f, n + 1, null, one)).toBeGreaterThan(retryDelay(s, f, n, null, other))
      }),
    )
  })
})

describe('restDelay', () => {
  const base = fc.integer({ min: 100, max: 300_000 })

  test('lies between a quarter of the base and a minute, or the base if that is longer', () => {
    fc.assert(
      fc.property(base, fc.nat(10_000), chance, (ms, failures, random) => {
        const delay = restDelay(ms, failures, random)
        expect(delay).toBeGreaterThanOrEqual(Math.floor(ms / 4))
        expect(delay).toBeLessThanOrEqual(Math.max(60_000, ms))
      }),
    )
  })

  test('does not shrink when it repeats', () => {
    fc.assert(
      fc.property(base, fc.nat(40), chance, (ms, failures, random) => {
        expect(restDelay(ms, failures + 1, random)).toBeGreaterThanOrEqual(restDelay(ms, failures, random))
      }),
    )
  })

  test('doubles: half a second, one, two … up to a minute', () => {
    const longest = Array.from({ length: 10 }, (_, failures) => restDelay(500, failures, 0.999_999_999))
    expect(longest).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
  })
})
