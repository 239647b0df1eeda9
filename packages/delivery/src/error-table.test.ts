import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { ERROR_TABLE, meaningOf, ruleFor } from './error-table.ts'
import type { FollowUp } from './error-table.ts'

/**
 * The second book: every code of Meta's error page, with the HTTP status it was seen with and what a sender has to do.
 * Written from the documentation and not from the table, so that a slip in one of them shows.
 */
const CODES: ReadonlyArray<readonly [code: number, httpStatus: number, follow: FollowUp['kind']]> = [
  // The token or its permissions: every message of the sender would fail alike.
  [0, 401, 'block_sender'],
  [3, 500, 'block_sender'],
  [10, 403, 'block_sender'],
  [102, 401, 'block_sender'],
  [104, 401, 'block_sender'],
  [190, 401, 'block_sender'],
  [200, 403, 'block_sender'],
  [219, 403, 'block_sender'],
  [299, 403, 'block_sender'],
  [131005, 403, 'block_sender'],
  // The number or the account.
  [33, 400, 'block_sender'],
  [368, 403, 'block_sender'],
  [131030, 400, 'block_sender'],
  [131031, 403, 'block_sender'],
  [131037, 400, 'block_sender'],
  [131042, 400, 'block_sender'],
  [131045, 500, 'block_sender'],
  [131048, 400, 'block_sender'],
  [131057, 500, 'block_sender'],
  [131064, 400, 'block_sender'],
  [133000, 500, 'block_sender'],
  [133005, 400, 'block_sender'],
  [133006, 400, 'block_sender'],
  [133008, 400, 'block_sender'],
  [133009, 400, 'block_sender'],
  [133010, 400, 'block_sender'],
  [133015, 400, 'block_sender'],
  [133016, 400, 'block_sender'],
  [134011, 400, 'block_sender'],
  [2494100, 500, 'block_sender'],
  // Busy or away, and surely not sent.
  [2, 503, 'rest'],
  [4, 400, 'rest'],
  [17, 403, 'rest'],
  [32, 403, 'rest'],
  [341, 403, 'rest'],
  [613, 429, 'rest'],
  [80007, 400, 'rest'],
  [131016, 500, 'rest'],
  [133004, 503, 'rest'],
  [130429, 400, 'throttle'],
  [130429, 403, 'throttle'],
  [130429, 429, 'throttle'],
  // One recipient.
  [130403, 400, 'suppress'],
  [131050, 400, 'suppress'],
  [130472, 400, 'reject'],
  [130497, 403, 'reject'],
  [131021, 400, 'reject'],
  [131026, 400, 'reject'],
  [131049, 400, 'reject'],
  [131062, 400, 'reject'],
  [137000, 400, 'reject'],
  [131056, 400, 'retry'],
  [131056, 403, 'retry'],
  // One request.
  [100, 400, 'reject'],
  [131008, 400, 'reject'],
  [131047, 400, 'reject'],
  [131051, 400, 'reject'],
  [132000, 400, 'reject'],
  [132005, 400, 'reject'],
  [132008, 400, 'reject'],
  [132012, 400, 'reject'],
  [132018, 400, 'reject'],
  [131009, 400, 'retry'],
  [135000, 400, 'retry'],
  // The template: every message of the campaign would fail alike.
  [131014, 400, 'hold_campaign'],
  [131055, 400, 'hold_campaign'],
  [131061, 400, 'hold_campaign'],
  [131063, 400, 'hold_campaign'],
  [132001, 404, 'hold_campaign'],
  [132007, 400, 'hold_campaign'],
  [132015, 400, 'hold_campaign'],
  [132016, 400, 'hold_campaign'],
  [132068, 400, 'hold_campaign'],
  [132069, 400, 'hold_campaign'],
  [134100, 400, 'hold_campaign'],
  [134101, 400, 'hold_campaign'],
  [134102, 500, 'hold_campaign'],
  [134103, 400, 'hold_campaign'],
  [139000, 400, 'hold_campaign'],
  [139004, 400, 'hold_campaign'],
  [131053, 400, 'retry'],
  // May have been sent.
  [131000, 500, 'unknown'],
  [1, 500, 'unknown'],
  [1, 400, 'reject'],
  // Not on this path.
  [131044, 400, 'reject'],
  [131052, 400, 'reject'],
  [131059, 400, 'reject'],
  [139100, 400, 'reject'],
  [139103, 400, 'reject'],
  [200005, 400, 'reject'],
  [200007, 400, 'reject'],
  [1752041, 400, 'reject'],
  [2388001, 400, 'reject'],
  [2388012, 400, 'reject'],
  [2388019, 400, 'reject'],
  [2388039, 400, 'reject'],
  [2388040, 400, 'reject'],
  [2388047, 400, 'reject'],
  [2388072, 400, 'reject'],
  [2388073, 400, 'reject'],
  [2388091, 400, 'reject'],
  [2388093, 400, 'reject'],
  [2388103, 400, 'reject'],
  [2388293, 400, 'reject'],
  [2388299, 400, 'reject'],
  [2593107, 400, 'reject'],
  [2593108, 400, 'reject'],
]

const rowsOf = (code: number) => ERROR_TABLE.filter((row) => code >= row.code && code <= row.through)

describe('the table against the documentation', () => {
  test.each(CODES)('%i (HTTP %i): %s', (code, httpStatus, follow) => {
    expect(ruleFor(code, httpStatus).follow.kind).toBe(follow)
  })

  test('every documented code has a row of its own; only 1 is decided by its status', () => {
    const without = CODES.map(([code]) => code).filter((code) => rowsOf(code).length === 0)
    expect([...new Set(without)]).toEqual([1])
  })

  test('every row is about a documented code', () => {
    const strangers = ERROR_TABLE.filter((row) => !CODES.some(([code]) => code >= row.code && code <= row.through))
    expect(strangers).toEqual([])
  })
})

describe('the table itself', () => {
  test('no two rows speak of the same code', () => {
    const overlaps = ERROR_TABLE.flatMap((row, index) =>
      ERROR_TABLE.slice(index + 1)
        .filter((other) => row.code <= other.through && other.code <= row.through)
        .map((other) => `${row.code}-${row.through} and ${other.code}-${other.through}`),
    )
    expect(overlaps).toEqual([])
  })

  test.each(ERROR_TABLE)('$code to $through is a range with a meaning', (row) => {
    expect(row.code).toBeLessThanOrEqual(row.through)
    expect(row.meaning).toMatch(/^\S.*\S$/)
    expect(meaningOf(row.code)).toBe(row.meaning)
  })

  test('whoever stops does so in the scope of what is wrong', () => {
    const wide = new Set(['phone', 'account', 'token', 'app'])
    for (const { code, scope, follow } of ERROR_TABLE) {
      if (follow.kind === 'block_sender' || follow.kind === 'rest')
        expect([code, wide.has(scope)]).toEqual([code, true])
      if (follow.kind === 'suppress') expect([code, scope]).toEqual([code, 'recipient'])
    }
  })

  test('waits are positive; retries have an end that fits the ledger byte', () => {
    for (const { follow } of ERROR_TABLE) {
      if ('seconds' in follow && follow.seconds !== null) expect(follow.seconds).toBeGreaterThan(0)
      if (follow.kind === 'retry') {
        expect(follow.retries).toBeGreaterThan(0)
        expect(follow.retries).toBeLessThan(15)
        expect(follow.factor).toBeGreaterThanOrEqual(1)
      }
    }
  })
})

describe('codes nobody has heard of', () => {
  const stranger = fc.integer({ min: 0, max: 2 ** 31 - 1 }).filter((code) => rowsOf(code).length === 0)

  test('a 5xx leaves the outcome unknown, anything else refuses this one message; nobody else stops', () => {
    fc.assert(
      fc.property(stranger, fc.integer({ min: 100, max: 599 }), (code, httpStatus) => {
        const rule = ruleFor(code, httpStatus)
        expect(rule.follow.kind).toBe(httpStatus >= 500 ? 'unknown' : 'reject')
        expect(rule.scope).toBe('message')
        expect(rule.code).toBe(code)
      }),
    )
  })

  test('the status changes nothing for a code in the table', () => {
    fc.assert(
      fc.property(fc.constantFrom(...ERROR_TABLE), fc.integer({ min: 100, max: 599 }), (row, httpStatus) => {
        expect(ruleFor(row.code, httpStatus)).toBe(row)
        expect(ruleFor(row.through, httpStatus)).toBe(row)
      }),
    )
  })
})
