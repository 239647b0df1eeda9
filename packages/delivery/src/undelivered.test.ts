import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { claimWindow, settleRows } from './claims.ts'
import type { ClaimLedger } from './claims.ts'
import { ledgerByte, STATE } from './disposition.ts'
import { FACT, learn, viewOf } from './facts.ts'
import { foldInto } from './fold.ts'
import { hasLapsed, inferUndelivered } from './undelivered.ts'

const TTL_MS = 43_200_000
const LEASE_MS = 60_000
const START = 1_790_000_000_000
const ROWS = 4

function begin(strict = true): ClaimLedger {
  return {
    status: 'running',
    onUnknown: 'keep',
    states: new Uint8Array(ROWS).fill(ledgerByte(STATE.pending, 0)),
    facts: new Uint8Array(ROWS),
    counts: new Map([
      ['recipients', ROWS],
      ['pending', ROWS],
    ]),
    retries: new Set(),
    unknowns: new Set(),
    lapses: { ttlMs: TTL_MS, chunkRows: ROWS, strict, ends: new Map() },
    chunkRows: ROWS,
    notAfter: null,
    claims: new Map(),
    lostSince: new Map(),
    dues: new Map(),
    barred: false,
    made: new Map(),
  }
}

/** Claim `most` rows at `now` and have the endpoint take them. */
function send(ledger: ClaimLedger, token: string, most: number, now: number): void {
  const ask = {
    token,
    chunk: 0,
    fromRow: 0,
    most,
    bornAt: now,
    claimant: 'w',
    remembered: 0,
    patienceMs: 0,
    leaseMs: LEASE_MS,
    marginMs: 0,
    now,
  }
  const answer = claimWindow(ledger, ask)
  const rows = answer.kind === 'claimed' ? answer.rows : []
  settleRows(
    ledger,
    token,
    0,
    rows.map(({ row }) => ({ row, move: { kind: 'accepted', facts: 0 } })),
  )
}

const facts = fc.integer({ min: 0, max: 255 })

describe('inferring', () => {
  test('waits for the last message of the chunk', () => {
    const ledger = begin()
    send(ledger, 't1', 2, START)
    send(ledger, 't2', 2, START + 1_000_000)
    const end = START + 1_000_000 + LEASE_MS + TTL_MS
    expect(inferUndelivered(ledger, 0, end - 1)).toBe(0)
    expect(inferUndelivered(ledger, 0, end)).toBe(4)
    expect(ledger.counts.get('delivery:undelivered')).toBe(4)
    expect(inferUndelivered(ledger, 0, end)).toBe(0)
  })

  test('speaks of messages that the endpoint took, and of no others', () => {
    const ledger = begin()
    send(ledger, 't1', 1, START)
    claimWindow(ledger, {
      token: 't2',
      chunk: 0,
      fromRow: 1,
      most: 1,
      bornAt: START,
      claimant: 'w',
      remembered: 0,
      patienceMs: 0,
      leaseMs: LEASE_MS,
      marginMs: 0,
      now: START,
    })
    settleRows(ledger, 't2', 0, [{ row: 1, move: { kind: 'unknown' } }])
    expect(inferUndelivered(ledger, 0, Number.MAX_SAFE_INTEGER)).toBe(1)
    // The lost answer turns out to have been a yes: nothing is known of that message but that it was sent.
    foldInto(ledger, [{ ordinal: 1, attempt: 1, facts: FACT.sent, errorCode: 0 }], START)
    expect(inferUndelivered(ledger, 0, START + TTL_MS - 1)).toBe(0)
    expect(inferUndelivered(ledger, 0, START + TTL_MS)).toBe(1)
    expect(ledger.counts.get('delivery:undelivered')).toBe(2)
  })

  test('law 2: is taken back by late word, whichever comes first, and counts what the facts say', () => {
    fc.assert(
      fc.property(facts, facts, fc.boolean(), (before, late, strict) => {
        const known = before & ~FACT.undelivered
        const inferred = hasLapsed(known, strict) ? learn(known, FACT.undelivered) : known
        const told = learn(inferred, late & ~FACT.undelivered)
        const { undelivered, delivered, failed, marketing } = viewOf(told)
        expect(undelivered).toBe(inferred !== known && delivered + failed + marketing === 0 ? 1 : 0)
      }),
    )
  })

  test('keeps away from what fell back, and, where it may, from what nobody told the route of', () => {
    expect(hasLapsed(FACT.sent, true)).toBe(true)
    expect(hasLapsed(FACT.sent, false)).toBe(false)
    expect(hasLapsed(FACT.sent | FACT.routeMarketingLite, false)).toBe(true)
    for (const strict of [true, false]) expect(hasLapsed(FACT.sent | FACT.routeMarketing, strict)).toBe(false)
    // A hold that nobody released within the TTL has ended too.
    expect(viewOf(FACT.held | FACT.undelivered)).toMatchObject({ held: 0, undelivered: 1 })
  })
})
