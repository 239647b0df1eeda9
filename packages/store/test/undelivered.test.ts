import {
  claimWindow,
  FACT,
  foldInto,
  inferUndelivered,
  ledgerByte,
  mergeLessons,
  settleRows,
  STATE,
} from '@chasqui/delivery'
import type { ClaimLedger, Lesson } from '@chasqui/delivery'
import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { foldFacts } from '../src/fold.ts'
import { Keys } from '../src/keys.ts'
import { LapseBook } from '../src/lapses.ts'
import { CHUNK_ROWS, CLAIM_PATIENCE_MS, Ledger } from '../src/ledger.ts'
import { recount } from '../src/recount.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'

const ID = 'c1'
const ROWS = 8
const TTL_MS = 43_200_000
const LEASE_MS = 60_000
const FAR = 9_000_000_000_000

let redis: PrivateRedis
let client: RedisClient
const keys = new Keys('test')

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'ledger', () => {})
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

/** The same running campaign of two chunks, in Redis and in the model. */
async function begin(strict: boolean, rows = ROWS): Promise<ClaimLedger> {
  await client.flushall()
  const pending = Array.from({ length: rows }, () => ledgerByte(STATE.pending, 0))
  const holes = Array.from({ length: CHUNK_ROWS - rows }, () => 0)
  const states = [...pending, ...holes, ...pending]
  const counts = { recipients: rows * 2, pending: rows * 2 }
  await client.hset(keys.campaign(ID), {
    sender: 'main',
    status: 'running',
    onUnknown: 'keep',
    notAfter: '',
    ttl: String(TTL_MS),
  })
  await client.hset(keys.counts(ID), counts)
  await client.set(keys.states(ID), Buffer.from(states))
  return {
    status: 'running',
    onUnknown: 'keep',
    states: Uint8Array.from(states),
    facts: new Uint8Array(states.length),
    counts: new Map(Object.entries(counts)),
    retries: new Set(),
    unknowns: new Set(),
    lapses: { ttlMs: TTL_MS, chunkRows: CHUNK_ROWS, strict, ends: new Map() },
    chunkRows: CHUNK_ROWS,
    notAfter: null,
    claims: new Map(),
    dues: new Map(),
    barred: false,
    made: new Map(),
    lostSince: new Map(),
  }
}

async function stored(): Promise<unknown> {
  const counts = Object.entries(await client.hgetall(keys.counts(ID))).map(
    ([field, text]) => [field, Number(text)] as const,
  )
  const facts = [...((await client.getBuffer(keys.facts(ID))) ?? [])]
  return {
    states: [...((await client.getBuffer(keys.states(ID))) ?? [])],
    facts: facts.slice(0, facts.findLastIndex((byte) => byte !== 0) + 1),
    counts: Object.fromEntries(counts.filter(([, value]) => value !== 0)),
    waiting: (await client.zrange(keys.lapses(ID), '0', '-1')).map(Number).toSorted((a, b) => a - b),
  }
}

function modelled({ states, facts, counts, lapses }: ClaimLedger): unknown {
  return {
    states: [...states],
    facts: [...facts].slice(0, facts.findLastIndex((byte) => byte !== 0) + 1),
    counts: Object.fromEntries([...counts].filter(([, value]) => value !== 0)),
    waiting: [...(lapses?.ends.keys() ?? [])].toSorted((a, b) => a - b),
  }
}

const lesson: fc.Arbitrary<Lesson> = fc.record({
  ordinal: fc.oneof(fc.nat(ROWS - 1), fc.integer({ min: CHUNK_ROWS, max: CHUNK_ROWS + ROWS - 1 })),
  attempt: fc.constant(1),
  facts: fc.constantFrom(
    FACT.sent,
    FACT.sent | FACT.routeMarketingLite,
    FACT.sent | FACT.routeMarketing,
    FACT.delivered,
    FACT.read,
    FACT.failed,
  ),
  errorCode: fc.constant(131_026),
})
const token = fc.constantFrom('t1', 't2', 't3')
const chunk = fc.constantFrom(0, 1)
const move = fc.constantFrom(
  { kind: 'accepted', facts: 0 } as const,
  { kind: 'accepted', facts: FACT.held } as const,
  { kind: 'unknown' } as const,
  { kind: 'rejected', code: 131_021 } as const,
)
const step = fc.oneof(
  fc.record({ what: fc.constant('claim' as const), token, chunk, most: fc.integer({ min: 1, max: ROWS }) }),
  fc.record({
    what: fc.constant('settle' as const),
    token,
    chunk,
    rows: fc.uniqueArray(fc.record({ row: fc.nat(ROWS - 1), move }), { selector: ({ row }) => row, maxLength: ROWS }),
  }),
  fc.record({ what: fc.constant('fold' as const), lessons: fc.array(lesson, { maxLength: 8 }) }),
  // Long before anything could have outlived its TTL, and long after.
  fc.record({ what: fc.constant('infer' as const), chunk, until: fc.constantFrom(1, FAR, FAR) }),
)

describe('messages that outlived their TTL', () => {
  test('law 3: script and model agree on every random history', async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(step, { maxLength: 20 }), async (strict, steps) => {
        const model = await begin(strict)
        const ledger = new Ledger(client, keys)
        const book = new LapseBook(client, keys)
        for (const what of steps) {
          const now = Date.now()
          switch (what.what) {
            case 'claim': {
              const ask = {
                ...what,
                fromRow: 0,
                marginMs: 0,
                leaseMs: LEASE_MS,
                bornAt: now,
                claimant: 'w',
                remembered: 0,
              }
              await ledger.claim({ campaign: ID, ...ask })
              claimWindow(model, { ...ask, patienceMs: CLAIM_PATIENCE_MS, now })
              break
            }
            case 'settle':
              if (what.rows.length === 0) break
              await ledger.settle(ID, what.chunk, what.token, what.rows)
              settleRows(model, what.token, what.chunk, what.rows)
              break
            case 'fold': {
              const merged = mergeLessons(what.lessons)
              await foldFacts(client, keys, ID, merged)
              foldInto(model, merged, now)
              break
            }
            case 'infer':
              expect(await book.infer(ID, what.chunk, what.until, strict)).toBe(
                inferUndelivered(model, what.chunk, what.until),
              )
              // Sent again by a client that lost its connection, it finds nothing to do.
              expect(await book.infer(ID, what.chunk, what.until, strict)).toBe(0)
          }
          expect(await stored()).toEqual(modelled(model))
          expect(await recount(client, keys, ID)).toEqual([])
        }
      }),
      { numRuns: Number(process.env['FOLD_RUNS'] ?? 150) },
    )
  })

  test('a claim notes when its messages will have outlived it; one at full size stays far below 10 ms', async () => {
    await begin(true, CHUNK_ROWS)
    const ledger = new Ledger(client, keys)
    const book = new LapseBook(client, keys)
    const bornAt = Date.now()
    const ask = { campaign: ID, chunk: 0, token: 't', fromRow: 0, most: CHUNK_ROWS, leaseMs: LEASE_MS, marginMs: 0 }
    const claim = await ledger.claim({ ...ask, bornAt, claimant: 'w', remembered: 0 })
    const rows = claim.kind === 'claimed' ? claim.rows : []
    await ledger.settle(
      ID,
      0,
      't',
      rows.map(({ row }) => ({ row, move: { kind: 'accepted', facts: 0 } })),
    )
    const end = (await book.nextLapse(ID)) ?? 0
    expect(end).toBe(claim.now + LEASE_MS + TTL_MS)
    expect(await book.lapsed(ID, end - 1, 10)).toEqual([])
    expect(await book.lapsed(ID, end, 10)).toEqual([0])
    await client.config('RESETSTAT')
    expect(await book.infer(ID, 0, end, true)).toBe(CHUNK_ROWS)
    const [, usec] = /cmdstat_evalsha:.*usec=(\d+)/.exec(await client.info('commandstats')) ?? []
    expect(Number(usec)).toBeLessThan(10_000)
  })
})
