import {
  claimWindow,
  dispositionOf,
  DISPOSITIONS,
  FACT,
  finishChunk,
  ledgerByte,
  reapClaims,
  releaseUnknowns,
  settleRows,
  STATE,
} from '@chasqui/delivery'
import type { ClaimLedger, Move, QuietEnd, Settlement } from '@chasqui/delivery'
import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { Keys } from '../src/keys.ts'
import { CHUNK_ROWS, CLAIM_PATIENCE_MS, Ledger } from '../src/ledger.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'

let redis: PrivateRedis
let client: RedisClient
const keys = new Keys('test')
const PAST = 1
const FUTURE = 9_000_000_000_000
const ID = 'c1'

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'ledger', () => {})
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

type Beginning = {
  readonly states: readonly number[]
  readonly notAfter: number | null
  readonly onUnknown: 'keep' | 'resend'
}

/** The same campaign in Redis and in the model. `states`: one list of rows after the other, chunk by chunk. */
async function begin({ states, notAfter, onUnknown }: Beginning): Promise<{ ledger: Ledger; model: ClaimLedger }> {
  await client.flushall()
  const counts = new Map<string, number>()
  for (const byte of states) {
    const disposition = dispositionOf(byte)
    if (disposition !== null) counts.set(disposition, (counts.get(disposition) ?? 0) + 1)
  }
  const recipients = [...counts.values()].reduce((sum, value) => sum + value, 0)
  await client.hset(keys.campaign(ID), {
    status: 'running',
    notAfter: notAfter === null ? '' : String(notAfter),
    onUnknown,
  })
  await client.hset(keys.counts(ID), {
    recipients: String(recipients),
    ...Object.fromEntries([...counts].map(([field, value]) => [field, String(value)] as const)),
  })
  await client.set(keys.states(ID), Buffer.from(states))
  return {
    ledger: new Ledger(client, keys),
    model: {
      status: 'running',
      onUnknown,
      states: Uint8Array.from(states),
      facts: new Uint8Array(states.length),
      counts: new Map([['recipients', recipients], ...counts]),
      retries: new Set(),
      unknowns: new Set(),
      chunkRows: CHUNK_ROWS,
      notAfter,
      claims: new Map(),
      barred: false,
      made: new Map(),
      dues: new Map(),
      lostSince: new Map(),
    },
  }
}

async function stored(): Promise<unknown> {
  const counts = await client.hgetall(keys.counts(ID))
  return {
    status: await client.hget(keys.campaign(ID), 'status'),
    states: [...((await client.getBuffer(keys.states(ID))) ?? [])],
    counts: Object.fromEntries(
      Object.entries(counts)
        .filter(([, value]) => value !== '0')
        .map(([field, value]) => [field, Number(value)]),
    ),
    claims: (await client.hkeys(keys.claims(ID))).toSorted(),
    made: await client.hgetall(keys.claimants(ID)),
    leases: (await client.zrange(keys.leases(ID), 0, '-1')).toSorted(),
    retries: (await client.zrange(keys.retries(ID), 0, '-1')).map(Number).toSorted((a, b) => a - b),
    unknowns: (await client.zrange(keys.unknowns(ID), 0, '-1')).map(Number).toSorted((a, b) => a - b),
  }
}

function modelled(model: ClaimLedger): unknown {
  const tokens = [...model.claims.keys()].toSorted()
  return {
    status: model.status,
    states: [...model.states],
    counts: Object.fromEntries([...model.counts].filter(([, value]) => value !== 0)),
    claims: tokens,
    made: Object.fromEntries([...model.made].map(([claimant, made]) => [claimant, String(made)])),
    leases: tokens,
    retries: [...model.retries].toSorted((a, b) => a - b),
    unknowns: [...model.unknowns].toSorted((a, b) => a - b),
  }
}

const move: fc.Arbitrary<Move> = fc.oneof(
  fc.constant({ kind: 'accepted', facts: 0 } as const),
  fc.constant({ kind: 'accepted', facts: 16 } as const),
  fc.constant({ kind: 'rejected', code: 131026 } as const),
  fc.constantFrom({ kind: 'suppressed', code: 131050 } as const, { kind: 'suppressed', code: 0 } as const),
  fc.constant({ kind: 'unknown' } as const),
  fc.constantFrom(
    { kind: 'retry', due: PAST, code: 131056 } as const,
    { kind: 'retry', due: FUTURE, code: 131056 } as const,
  ),
  fc.constant({ kind: 'released' } as const),
)

const token = fc.constantFrom('t1', 't2', 't3')
const chunk = fc.constantFrom(0, 1)
const claimStep = fc.record({
  what: fc.constant('claim' as const),
  token,
  claimant: fc.constantFrom('w1', 'w2'),
  // As a worker remembers that has seen its claims made, and as one whose claims Redis has forgotten.
  forgotten: fc.constantFrom(0, 0, 0, 1),
  chunk,
  fromRow: fc.nat(12),
  most: fc.integer({ min: 1, max: 6 }),
  late: fc.boolean(),
  // A lease that is over the moment it is given, or never.
  leaseMs: fc.constantFrom(-1, 1_000_000_000),
})
const settleStep = fc.record({
  what: fc.constant('settle' as const),
  token,
  chunk,
  rows: fc.uniqueArray(fc.record({ row: fc.nat(11), move }), {
    selector: ({ row }) => row,
    minLength: 1,
    maxLength: 8,
  }),
})
// As most are: rows side by side of which the same became.
const settleRunStep = fc
  .record({ token, chunk, first: fc.nat(11), length: fc.integer({ min: 1, max: 12 }), move })
  .map(({ token: by, chunk: of, first, length, move: all }) => ({
    what: 'settle' as const,
    token: by,
    chunk: of,
    rows: Array.from({ length }, (_, index) => ({ row: first + index, move: all })),
  }))
// Weighted so that most claims find a running campaign and many settlements meet a claim.
const step = fc.oneof(
  { arbitrary: claimStep, weight: 8 },
  { arbitrary: settleStep, weight: 8 },
  { arbitrary: settleRunStep, weight: 6 },
  { arbitrary: fc.record({ what: fc.constant('reap' as const) }), weight: 3 },
  { arbitrary: fc.record({ what: fc.constant('finish' as const), chunk }), weight: 2 },
  {
    arbitrary: fc.record({
      what: fc.constant('release' as const),
      // A window that is over at once, or never; webhooks that flow, or do not; patience without end, or none.
      windowMs: fc.constantFrom(-1_000, 1_000_000_000),
      webhooksUntil: fc.constantFrom(FUTURE, 0),
      giveUpMs: fc.constantFrom(1_000_000_000, -1_000),
      attemptsMax: fc.constantFrom(1, 3),
      // The end of a campaign that runs alone, with so many accepted.
      quiet: fc.option(fc.record({ until: fc.constantFrom(FUTURE, 0), accepted: fc.integer({ min: 0, max: 4 }) }), {
        nil: undefined,
      }),
    }),
    weight: 3,
  },
  {
    arbitrary: fc.record({
      what: fc.constant('status' as const),
      status: fc.constantFrom('running', 'running', 'paused', 'canceled'),
    }),
    weight: 2,
  },
  { arbitrary: fc.record({ what: fc.constant('untraced' as const) }), weight: 1 },
  { arbitrary: fc.record({ what: fc.constant('bar' as const), barred: fc.boolean() }), weight: 1 },
)

const beginning: fc.Arbitrary<Beginning> = fc.record({
  states: fc
    .tuple(
      fc.array(fc.constantFrom(1, 1, 1, 1, 0, ledgerByte(STATE.accepted, 1), ledgerByte(STATE.unknown, 1)), {
        minLength: 12,
        maxLength: 12,
      }),
      fc.array(fc.constant(1), { minLength: 1, maxLength: 12 }),
    )
    .map(([first, second]) => [...first, ...Array.from({ length: CHUNK_ROWS - first.length }, () => 0), ...second]),
  notAfter: fc.constantFrom(null, null, FUTURE, PAST),
  onUnknown: fc.constantFrom('keep' as const, 'resend' as const),
})

describe('the ledger', () => {
  test('law 3: scripts and model agree on every random history', async () => {
    await fc.assert(
      fc.asyncProperty(beginning, fc.array(step, { maxLength: 25, size: 'max' }), async (start, steps) => {
        const { ledger, model } = await begin(start)
        for (const what of steps) {
          const now = Date.now()
          switch (what.what) {
            case 'claim': {
              const ask = {
                token: what.token,
                claimant: what.claimant,
                remembered: (model.made.get(what.claimant) ?? 0) + what.forgotten,
                chunk: what.chunk,
                fromRow: what.fromRow,
                most: what.most,
                leaseMs: what.leaseMs,
                marginMs: 1_000,
                bornAt: what.late ? 0 : now,
              }
              const { now: _now, ...answer } = await ledger.claim({ campaign: ID, ...ask })
              expect(answer).toEqual(claimWindow(model, { ...ask, patienceMs: CLAIM_PATIENCE_MS, now }))
              break
            }
            case 'settle': {
              const { now: _now, ...answer } = await ledger.settle(ID, what.chunk, what.token, what.rows)
              expect(answer).toEqual(settleRows(model, what.token, what.chunk, what.rows as readonly Settlement[]))
              break
            }
            case 'reap': {
              const { now: _now, ...answer } = await ledger.reap(ID, 100)
              expect(answer).toEqual(reapClaims(model, now))
              break
            }
            case 'finish':
              expect(await ledger.finishChunk(ID, what.chunk, 1_000)).toEqual(
                finishChunk(model, what.chunk, 1_000, now),
              )
              break
            case 'release': {
              const gate = {
                windowMs: what.windowMs,
                webhooksUntil: what.webhooksUntil,
                flowMs: 1_000,
                giveUpMs: what.giveUpMs,
                marginMs: 1_000,
                attemptsMax: what.attemptsMax,
                quiet: what.quiet,
              }
              expect(await ledger.releaseUnknowns(ID, gate, 100)).toEqual(releaseUnknowns(model, { ...gate, now }))
              break
            }
            case 'status':
              if (model.status === 'completed') break
              model.status = what.status as 'running'
              await client.hset(keys.campaign(ID), 'status', what.status)
              break
            case 'untraced':
              model.untraced = true
              await ledger.markUntraced(ID)
              break
            case 'bar':
              model.barred = what.barred
              if (what.barred) await client.hset(keys.campaign(ID), 'barredBy', 'a-pause')
              else await client.hdel(keys.campaign(ID), 'barredBy')
          }
          expect(await stored()).toEqual(modelled(model))
          // Law 1, at every instant.
          const sum = DISPOSITIONS.reduce((total, disposition) => total + (model.counts.get(disposition) ?? 0), 0)
          expect(sum).toBe(model.counts.get('recipients') ?? 0)
        }
      }),
      { numRuns: Number(process.env['LEDGER_RUNS'] ?? 300) },
    )
  })

  test('law 3 holds for whole chunks: runs, holes in them, second attempts, answers in disorder', async () => {
    const history = fc.record({
      // Whether anything is told of a row whose state does not say so, by row.
      told: fc.array(fc.nat(CHUNK_ROWS - 1), { maxLength: 3 }),
      runs: fc.array(
        fc.record({
          state: fc.constantFrom(1, 1, 1, 0, 2, ledgerByte(STATE.pending, 1), ledgerByte(STATE.accepted, 1)),
          length: fc.integer({ min: 1, max: 200 }),
        }),
        { minLength: 1, maxLength: 12 },
      ),
      windows: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 4 }),
      parts: fc.array(
        fc.record({
          window: fc.nat(3),
          kept: fc.integer({ min: 1, max: 10 }),
          offset: fc.nat(9),
          moves: fc.array(move, { minLength: 1, maxLength: 4 }),
          moveRun: fc.integer({ min: 1, max: 60 }),
        }),
        { maxLength: 12 },
      ),
    })
    await fc.assert(
      fc.asyncProperty(history, async ({ told, runs, windows, parts }) => {
        const states = runs.flatMap(({ state, length }) => Array.from({ length }, () => state)).slice(0, CHUNK_ROWS)
        const { ledger, model } = await begin({ states, notAfter: null, onUnknown: 'keep' })
        for (const row of told) {
          await client.setrange(keys.facts(ID), row, String.fromCodePoint(FACT.delivered))
          model.facts[row] = FACT.delivered
        }
        let fromRow = 0
        for (const [index, most] of windows.entries()) {
          const now = Date.now()
          const me = { claimant: 'w1', remembered: index === 0 ? 0 : (model.made.get('w1') ?? 0) }
          const ask = { ...me, token: `t${index}`, chunk: 0, fromRow, most, bornAt: now, leaseMs: 60_000, marginMs: 0 }
          const answer = claimWindow(model, { ...ask, patienceMs: CLAIM_PATIENCE_MS, now })
          expect(await ledger.claim({ campaign: ID, ...ask })).toMatchObject(answer)
          if (answer.kind === 'claimed') fromRow = Math.min(answer.nextRow, CHUNK_ROWS - 1)
        }
        expect(await stored()).toEqual(modelled(model))
        for (const { window, kept, offset, moves, moveRun } of parts) {
          const rows: Settlement[] = states.flatMap((_, row) =>
            (row + offset) % 10 < kept ? [{ row, move: moves[Math.floor(row / moveRun) % moves.length] as Move }] : [],
          )
          if (rows.length === 0) continue
          const { now: _now, ...answer } = await ledger.settle(ID, 0, `t${window}`, rows.toReversed())
          expect(answer).toEqual(settleRows(model, `t${window}`, 0, rows))
          expect(await stored()).toEqual(modelled(model))
        }
      }),
      { numRuns: Number(process.env['LEDGER_RUNS'] ?? 300) / 5 },
    )
  })

  test('a claim of an earlier version is settled, given up and told again like one of this', async () => {
    const { ledger } = await begin({ states: Array.from({ length: 6 }, () => 1), notAfter: null, onUnknown: 'keep' })
    const me = { claimant: 'w1', remembered: 0 }
    const ask = { ...me, campaign: ID, chunk: 0, fromRow: 0, bornAt: Date.now(), marginMs: 0 }
    for (const [name, most] of [
      ['t1', 4],
      ['t2', 2],
    ] as const) {
      await ledger.claim({ ...ask, token: name, most, leaseMs: name === 't1' ? 60_000 : -1 })
      const record = (await client.hget(keys.claims(ID), name)) ?? ''
      expect(record).toMatch(/;00\d:1(,00\d:1)+$/)
      await client.hset(keys.claims(ID), name, record.replaceAll(/00(\d):/g, '$1:'))
    }
    const again = { ...ask, token: 't1', most: 4, leaseMs: 60_000 }
    expect(await ledger.claim(again)).toMatchObject({ rows: [0, 1, 2, 3].map((row) => ({ row, attempt: 1 })) })
    await ledger.settle(ID, 0, 't1', [{ row: 1, move: { kind: 'released' } }])
    await ledger.settle(
      ID,
      0,
      't1',
      [0, 2].map((row) => ({ row, move: { kind: 'accepted', facts: 0 } })),
    )
    expect(await ledger.claim(again)).toMatchObject({ rows: [0, 2, 3].map((row) => ({ row, attempt: 1 })) })
    expect(await ledger.reap(ID, 10)).toMatchObject({ claims: 1, lost: 2 })
    await ledger.settle(ID, 0, 't1', [{ row: 3, move: { kind: 'accepted', facts: 0 } }])
    expect(await client.exists(keys.claims(ID), keys.leases(ID))).toBe(0)
    expect([...((await client.getBuffer(keys.states(ID))) ?? [])]).toEqual([0x15, 0x01, 0x15, 0x15, 0x14, 0x14])
  })

  test('settlements that are no runs in order change nothing', async () => {
    const { ledger } = await begin({ states: [1, 1], notAfter: null, onUnknown: 'keep' })
    const accepted = { kind: 'accepted', facts: 0 } as const
    const twice = [0, 1, 1].map((row) => ({ row, move: accepted }))
    await expect(ledger.settle(ID, 0, 't1', twice)).rejects.toThrow('ERR no run: rows 1 to 1, move 1')
    await expect(ledger.settle(ID, 0, 't1', [{ row: CHUNK_ROWS, move: accepted }])).rejects.toThrow('ERR no run')
    expect([...((await client.getBuffer(keys.states(ID))) ?? [])]).toEqual([1, 1])
  })

  test('a claim asked twice under one token is made once', async () => {
    const { ledger } = await begin({ states: [1, 1, 1, 1], notAfter: null, onUnknown: 'keep' })
    const ask = {
      campaign: ID,
      chunk: 0,
      token: 't1',
      claimant: 'w1',
      remembered: 0,
      fromRow: 0,
      most: 3,
      bornAt: Date.now(),
      leaseMs: 60_000,
      marginMs: 0,
    }
    const first = await ledger.claim(ask)
    const second = await ledger.claim(ask)
    expect({ ...second, now: 0 }).toEqual({ ...first, now: 0 })
    expect(await client.hget(keys.counts(ID), 'sending')).toBe('3')
  })

  test('what another token claimed cannot be claimed, and cannot be settled by the first again', async () => {
    const { ledger } = await begin({ states: [1], notAfter: null, onUnknown: 'keep' })
    const me = { claimant: 'w1', remembered: 0 }
    const ask = { ...me, campaign: ID, chunk: 0, fromRow: 0, most: 1, bornAt: Date.now(), leaseMs: 60_000, marginMs: 0 }
    await ledger.claim({ ...ask, token: 't1' })
    expect(await ledger.claim({ ...ask, token: 't2' })).toMatchObject({ kind: 'claimed', rows: [] })
    await ledger.settle(ID, 0, 't1', [{ row: 0, move: { kind: 'released' } }])
    expect(await ledger.claim({ ...ask, token: 't2' })).toMatchObject({
      kind: 'claimed',
      rows: [{ row: 0, attempt: 1 }],
    })
    // The replay of the first settlement finds that the row is t2's now.
    expect(await ledger.settle(ID, 0, 't1', [{ row: 0, move: { kind: 'released' } }])).toMatchObject({
      settled: 0,
      stale: 1,
    })
    expect(await client.hget(keys.counts(ID), 'sending')).toBe('1')
  })

  test('a ledger that has forgotten claims of the caller gives it nothing', async () => {
    const { ledger } = await begin({ states: [1, 1, 1, 1], notAfter: null, onUnknown: 'keep' })
    const ask = { campaign: ID, chunk: 0, fromRow: 0, most: 1, bornAt: Date.now(), leaseMs: 60_000, marginMs: 0 }
    const claim = async (name: string, claimant: string, remembered: number) =>
      await ledger.claim({ ...ask, token: name, claimant, remembered })
    expect(await claim('t1', 'w1', 0)).toMatchObject({ kind: 'claimed', serial: 1 })
    const older = (await client.getBuffer(keys.states(ID))) ?? Buffer.alloc(0)
    expect(await claim('t2', 'w1', 1)).toMatchObject({ kind: 'claimed', rows: [{ row: 1 }], serial: 2 })
    // Redis comes back as it was before the second claim, and another worker drives its own count on.
    await client.set(keys.states(ID), older)
    await client.hset(keys.claimants(ID), 'w1', '1')
    expect(await claim('t3', 'w2', 0)).toMatchObject({ kind: 'claimed', serial: 1 })
    expect(await claim('t4', 'w1', 2)).toMatchObject({ kind: 'backwards' })
  })

  test('a recipient whose facts prove a message is not claimed, whatever its state says', async () => {
    const { ledger, model } = await begin({ states: [1, 1], notAfter: null, onUnknown: 'keep' })
    await client.set(keys.facts(ID), Buffer.from([FACT.delivered]))
    model.facts[0] = FACT.delivered
    const me = { claimant: 'w1', remembered: 0 }
    const ask = { ...me, token: 't1', chunk: 0, fromRow: 0, most: 2, bornAt: Date.now(), leaseMs: 60_000, marginMs: 0 }
    const answer = { kind: 'claimed', rows: [{ row: 1, attempt: 1 }] }
    expect(await ledger.claim({ campaign: ID, ...ask })).toMatchObject(answer)
    expect(claimWindow(model, { ...ask, patienceMs: CLAIM_PATIENCE_MS, now: Date.now() })).toMatchObject(answer)
  })

  test('a retry is claimed when it is due, and not before', async () => {
    const { ledger, model } = await begin({ states: [1, 1], notAfter: null, onUnknown: 'keep' })
    const now = Date.now()
    const ask = {
      claimant: 'w1',
      remembered: 0,
      chunk: 0,
      fromRow: 0,
      most: 2,
      bornAt: now,
      leaseMs: 60_000,
      marginMs: 0,
    }
    await ledger.claim({ campaign: ID, ...ask, token: 't1' })
    claimWindow(model, { ...ask, token: 't1', patienceMs: CLAIM_PATIENCE_MS, now })
    const retries: Settlement[] = [PAST, FUTURE].map((due, row) => ({
      row,
      move: { kind: 'retry', due, code: 131056 },
    }))
    await ledger.settle(ID, 0, 't1', retries)
    settleRows(model, 't1', 0, retries)
    const answer = { kind: 'claimed', rows: [{ row: 0, attempt: 2 }] }
    expect(await ledger.claim({ campaign: ID, ...ask, token: 't2' })).toMatchObject(answer)
    expect(claimWindow(model, { ...ask, token: 't2', patienceMs: CLAIM_PATIENCE_MS, now })).toMatchObject(answer)
  })

  describe('what is unknown is sent again', () => {
    const open = { onUnknown: 'resend', windowMs: -1_000, webhooksUntil: FUTURE } as const
    const silent = { ...open, webhooksUntil: 0 } as const
    const alone = [1, ledgerByte(STATE.accepted, 1)]
    test.each<[string, ReleaseCase, number]>([
      ['when its window is over and webhooks tell of later events', open, 1],
      ['not where the campaign says keep', { ...open, onUnknown: 'keep' }, 0],
      ['not before its window is over', { ...open, windowMs: 60_000 }, 0],
      ['not while webhooks tell of nothing later', silent, 0],
      ['not where messages left without callback data', { ...open, untraced: true }, 0],
      ['at a quiet end', { ...silent, quiet: { until: FUTURE, accepted: 1 } }, 1],
      [
        'at a quiet end not before its window is over',
        { ...silent, windowMs: 60_000, quiet: { until: FUTURE, accepted: 1 } },
        0,
      ],
      ['not where what is known of the end is from before it', { ...silent, quiet: { until: PAST, accepted: 1 } }, 0],
      [
        'not where others were accepted since the end was seen',
        { ...silent, quiet: { until: FUTURE, accepted: 0 } },
        0,
      ],
      [
        'not at what was the end while somebody is free',
        { ...silent, states: [...alone, 1], quiet: { until: FUTURE, accepted: 1 } },
        0,
      ],
    ])('%s', async (_when, { onUnknown, windowMs, webhooksUntil, quiet, untraced, states = alone }, freed) => {
      const { ledger, model } = await begin({ states, notAfter: null, onUnknown })
      if (untraced === true) {
        model.untraced = true
        await ledger.markUntraced(ID)
      }
      const now = Date.now()
      const dead = {
        token: 't1',
        claimant: 'w1',
        remembered: 0,
        chunk: 0,
        fromRow: 0,
        most: 1,
        leaseMs: -1,
        marginMs: 0,
      }
      await ledger.claim({ campaign: ID, ...dead, bornAt: now })
      claimWindow(model, { ...dead, bornAt: now, patienceMs: CLAIM_PATIENCE_MS, now })
      await ledger.reap(ID, 10)
      reapClaims(model, now)
      model.status = 'running'
      await client.hset(keys.campaign(ID), 'status', 'running')
      const gate = { windowMs, webhooksUntil, quiet, flowMs: 1_000, giveUpMs: 3_600_000, marginMs: 0, attemptsMax: 3 }
      expect(await ledger.releaseUnknowns(ID, gate, 10)).toMatchObject({ freed })
      expect(releaseUnknowns(model, { ...gate, now })).toMatchObject({ freed })
    })
  })
})

type ReleaseCase = {
  readonly onUnknown: 'keep' | 'resend'
  readonly windowMs: number
  readonly webhooksUntil: number
  readonly quiet?: QuietEnd
  readonly untraced?: boolean
  readonly states?: readonly number[]
}

test('a free recipient is found wherever it is, and none where nobody is free', async () => {
  const taken = Array.from({ length: CHUNK_ROWS }, () => ledgerByte(STATE.accepted, 1))
  const last = taken.with(7, ledgerByte(STATE.pending, 2))
  const { ledger } = await begin({ states: [...taken, ...taken, ...last], notAfter: null, onUnknown: 'keep' })
  expect(await ledger.freePlace(ID)).toBeNull()
  await client.zadd(keys.agenda(ID), 0, 0, 0, 1, 0, 2)
  expect(await ledger.freePlace(ID)).toEqual({ chunk: 2, row: 7 })
  await client.setrange(keys.states(ID), 2 * CHUNK_ROWS + 7, String.fromCodePoint(STATE.waiting))
  expect(await ledger.freePlace(ID)).toBeNull()
})
