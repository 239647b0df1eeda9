import {
  claimWindow,
  dispositionOf,
  DISPOSITIONS,
  FACT,
  foldInto,
  ledgerByte,
  mergeLessons,
  PRICE,
  reapClaims,
  releaseUnknowns,
  settleRows,
  STATE,
  stateOf,
  viewOf,
} from '@chasqui/delivery'
import type { ClaimLedger, Lesson, Settlement, StateCode } from '@chasqui/delivery'
import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { FOLD_LESSONS_MAX, foldFacts } from '../src/fold.ts'
import { Keys } from '../src/keys.ts'
import { CHUNK_ROWS, CLAIM_PATIENCE_MS, Ledger } from '../src/ledger.ts'
import { countLedger, recount } from '../src/recount.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'

/** 100,000 take some twenty minutes: `FOLD_RUNS=100000 npx vitest run packages/store/test/fold.test.ts -t law`. */
const RUNS = Number(process.env['FOLD_RUNS'] ?? 300)
const TIMEOUT = { timeout: 30_000 + RUNS * 100 }
const ID = 'c1'
const ROWS = 10
const FUTURE = 9_000_000_000_000

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

type Beginning = {
  readonly status: ClaimLedger['status']
  readonly onUnknown: 'keep' | 'resend'
  readonly states: readonly number[]
}

/** The same campaign in Redis and in the model. */
async function begin({ status, onUnknown, states }: Beginning): Promise<ClaimLedger> {
  await client.flushall()
  const counts = countLedger(Uint8Array.from(states), new Uint8Array())
  await client.hset(keys.campaign(ID), { sender: 'main', status, onUnknown, notAfter: '' })
  await client.hset(keys.counts(ID), Object.fromEntries(counts))
  await client.set(keys.states(ID), Buffer.from(states))
  const retries = ordinalsIn(states, STATE.waiting)
  const unknowns = ordinalsIn(states, STATE.unknown)
  for (const ordinal of retries) await client.zadd(keys.retries(ID), FUTURE, String(ordinal))
  for (const ordinal of unknowns) await client.zadd(keys.unknowns(ID), 1, String(ordinal))
  return {
    status,
    onUnknown,
    states: Uint8Array.from(states),
    facts: new Uint8Array(states.length),
    counts,
    retries: new Set(retries),
    unknowns: new Set(unknowns),
    chunkRows: CHUNK_ROWS,
    notAfter: null,
    claims: new Map(),
    barred: false,
    made: new Map(),
    dues: new Map(retries.map((ordinal) => [ordinal, FUTURE])),
    lostSince: new Map(unknowns.map((ordinal) => [ordinal, 1])),
  }
}

function ordinalsIn(states: readonly number[], state: number): number[] {
  return states.flatMap((byte, ordinal) => (stateOf(byte) === state ? [ordinal] : []))
}

type Told = Readonly<Record<string, unknown>>

async function stored(): Promise<Told> {
  const counts = Object.entries(await client.hgetall(keys.counts(ID))).map(([field, text]) => [field, Number(text)])
  const facts = [...((await client.getBuffer(keys.facts(ID))) ?? [])]
  return {
    status: await client.hget(keys.campaign(ID), 'status'),
    states: [...((await client.getBuffer(keys.states(ID))) ?? [])],
    facts: withoutTail(facts),
    prices: withoutTail([...((await client.getBuffer(keys.prices(ID))) ?? [])]),
    counts: Object.fromEntries(counts.filter(([, value]) => value !== 0)),
    retries: (await client.zrange(keys.retries(ID), 0, '-1')).map(Number).toSorted((a, b) => a - b),
    unknowns: (await client.zrange(keys.unknowns(ID), 0, '-1')).map(Number).toSorted((a, b) => a - b),
    proofs: await client.hgetall(keys.proofs(ID)),
  }
}

function modelled(model: ClaimLedger): Told {
  return {
    status: model.status,
    states: [...model.states],
    facts: withoutTail([...model.facts]),
    prices: withoutTail(
      model.states.length === 0 ? [] : [...model.states].map((_, ordinal) => model.prices?.get(ordinal) ?? 0),
    ),
    counts: Object.fromEntries([...model.counts].filter(([, value]) => value !== 0)),
    retries: [...model.retries].toSorted((a, b) => a - b),
    unknowns: [...model.unknowns].toSorted((a, b) => a - b),
    proofs: Object.fromEntries([...(model.proofs ?? [])].map(([ordinal, bits]) => [ordinal, String(bits)])),
  }
}

/** The string of facts ends with the last fact that was learned. */
function withoutTail(facts: readonly number[]): number[] {
  return facts.slice(0, facts.findLastIndex((byte) => byte !== 0) + 1)
}

/** As the folder does it: every recipient once a call. */
async function fold(lessons: readonly Lesson[]): Promise<unknown> {
  return await foldFacts(client, keys, ID, mergeLessons(lessons))
}

/** Laws 1 and 2, from the ledger's own bytes: the counters are what the bytes say, and sent ≥ delivered ≥ read. */
async function holdToTheLaws(): Promise<void> {
  expect(await recount(client, keys, ID)).toEqual([])
  const counts = await client.hgetall(keys.counts(ID))
  const of = (field: string): number => Number(counts[field] ?? 0)
  expect(DISPOSITIONS.reduce((sum, disposition) => sum + of(disposition), 0)).toBe(of('recipients'))
  expect(of('delivery:sent')).toBeGreaterThanOrEqual(of('delivery:delivered'))
  expect(of('delivery:delivered')).toBeGreaterThanOrEqual(of('delivery:read'))
  expect(of('accepted')).toBeGreaterThanOrEqual(of('delivery:sent'))
}

const stateByte = fc
  .tuple(fc.constantFrom(0, 1, 1, 2, 4, 4, 5, 5, 6, 7, 8, 9), fc.integer({ min: 0, max: 15 }))
  .map(([state, attempts]) => (state === 0 ? 0 : ledgerByte(state as StateCode, attempts)))

const HOLES: readonly number[] = Array.from({ length: CHUNK_ROWS - ROWS }, () => 0)
const states = fc
  .tuple(
    fc.array(stateByte, { minLength: ROWS, maxLength: ROWS }),
    fc.array(stateByte, { minLength: ROWS, maxLength: ROWS }),
  )
  .map(([first, second]) => [...first, ...HOLES, ...second])

/** Meta names one code for one failure, and people do not move: both are functions of the recipient. */
function ofRecipient(ordinal: number): Pick<Lesson, 'errorCode'> & { readonly country?: string } {
  const errorCode = [0, 131_049, 4_294_967_295][ordinal % 3] ?? 0
  const country = ['BR', 'IN', undefined][Math.floor(ordinal / 3) % 3]
  return country === undefined ? { errorCode } : { errorCode, country }
}

const lesson: fc.Arbitrary<Lesson> = fc
  .record({
    // Rows of both chunks, and now and then a place where nobody ever was.
    ordinal: fc.oneof(
      { arbitrary: fc.nat(ROWS), weight: 5 },
      { arbitrary: fc.integer({ min: CHUNK_ROWS, max: CHUNK_ROWS + ROWS }), weight: 5 },
      { arbitrary: fc.constantFrom(40_000_000, 250), weight: 1 },
    ),
    attempt: fc.integer({ min: 1, max: 99 }),
    facts: fc.constantFrom(
      0,
      FACT.sent,
      FACT.sent | FACT.routeMarketingLite,
      FACT.delivered,
      FACT.delivered | FACT.routeMarketing,
      FACT.read,
      FACT.failed,
      FACT.held,
    ),
    prices: fc.oneof(
      { arbitrary: fc.constant(0), weight: 8 },
      { arbitrary: fc.constantFrom(...Object.values(PRICE)), weight: 1 },
    ),
  })
  .map((base) => ({ ...base, ...ofRecipient(base.ordinal) }))

const beginning: fc.Arbitrary<Beginning> = fc.record({
  status: fc.constantFrom('running' as const, 'running' as const, 'paused' as const, 'completed' as const),
  onUnknown: fc.constantFrom('keep' as const, 'resend' as const),
  states,
})

const token = fc.constantFrom('t1', 't2')
const chunk = fc.constantFrom(0, 1)
const move = fc.constantFrom<Settlement['move']>(
  { kind: 'accepted', facts: 0 },
  { kind: 'accepted', facts: FACT.held },
  { kind: 'rejected', code: 131_026 },
  { kind: 'unknown' },
  { kind: 'retry', due: FUTURE, code: 131_056 },
  { kind: 'released' },
)
const step = fc.oneof(
  {
    arbitrary: fc.record({ what: fc.constant('fold' as const), lessons: fc.array(lesson, { maxLength: 12 }) }),
    weight: 6,
  },
  {
    arbitrary: fc.record({
      what: fc.constant('claim' as const),
      token,
      chunk,
      most: fc.integer({ min: 1, max: 6 }),
      leaseMs: fc.constantFrom(-1, 1_000_000_000),
    }),
    weight: 3,
  },
  {
    arbitrary: fc.record({
      what: fc.constant('settle' as const),
      token,
      chunk,
      rows: fc.uniqueArray(fc.record({ row: fc.nat(ROWS - 1), move }), {
        selector: ({ row }) => row,
        minLength: 1,
        maxLength: 6,
      }),
    }),
    weight: 3,
  },
  { arbitrary: fc.record({ what: fc.constant('reap' as const) }), weight: 1 },
  { arbitrary: fc.record({ what: fc.constant('resend' as const) }), weight: 1 },
)

describe('folding', () => {
  test('law 3: script and model agree on every random history of claims, answers and statuses', TIMEOUT, async () => {
    await fc.assert(
      fc.asyncProperty(beginning, fc.array(step, { maxLength: 20 }), async (start, steps) => {
        const model = await begin(start)
        const ledger = new Ledger(client, keys)
        for (const what of steps) {
          const now = Date.now()
          switch (what.what) {
            case 'fold': {
              const merged = mergeLessons(what.lessons)
              expect(await foldFacts(client, keys, ID, merged)).toEqual({
                kind: 'folded',
                sender: 'main',
                ...foldInto(model, merged),
              })
              break
            }
            case 'claim': {
              const ask = { ...what, claimant: 'w1', remembered: 0, fromRow: 0, marginMs: 0, bornAt: now }
              await ledger.claim({ campaign: ID, ...ask })
              claimWindow(model, { ...ask, patienceMs: CLAIM_PATIENCE_MS, now })
              break
            }
            case 'settle':
              await ledger.settle(ID, what.chunk, what.token, what.rows)
              settleRows(model, what.token, what.chunk, what.rows)
              break
            case 'reap':
              await ledger.reap(ID, 100)
              reapClaims(model, now)
              break
            case 'resend': {
              const gate = { windowMs: -1_000, webhooksUntil: FUTURE, flowMs: 0, giveUpMs: 1e12, marginMs: 0 }
              await ledger.releaseUnknowns(ID, { ...gate, attemptsMax: 9 }, 100)
              releaseUnknowns(model, { ...gate, attemptsMax: 9, now })
            }
          }
          expect(await stored()).toEqual(modelled(model))
          await holdToTheLaws()
        }
      }),
      { numRuns: RUNS },
    )
  })

  test('law 2: any order, any repeats and any cuts give what the ordered fold gives', TIMEOUT, async () => {
    const history = fc.array(lesson, { maxLength: 30 }).chain((lessons) =>
      fc.record({
        lessons: fc.constant(lessons),
        // A shuffle of everything with some of it twice, and where it is cut into batches.
        noisy: fc.subarray(lessons).chain((again) =>
          fc.shuffledSubarray([...lessons, ...again], {
            minLength: lessons.length + again.length,
            maxLength: lessons.length + again.length,
          }),
        ),
        cuts: fc.array(fc.nat(60), { maxLength: 6 }).map((cuts) => cuts.toSorted((a, b) => a - b)),
      }),
    )
    await fc.assert(
      fc.asyncProperty(beginning, history, async (start, { lessons, noisy, cuts }) => {
        await begin(start)
        for (const one of lessons) await fold([one])
        const ordered = await stored()
        await begin(start)
        for (const [index, from] of [0, ...cuts].entries()) await fold(noisy.slice(from, cuts[index] ?? noisy.length))
        expect(await stored()).toEqual(ordered)
        await holdToTheLaws()
      }),
      { numRuns: RUNS },
    )
  })

  test('every set of facts counts as its view says, whatever it was learned from', async () => {
    // 64 sets of statuses and routes, each learned in two halves by a recipient of its own.
    const accepted = Array.from({ length: 256 }, () => ledgerByte(STATE.accepted, 1))
    await begin({ status: 'completed', onUnknown: 'keep', states: accepted })
    const sets = accepted.map((_, ordinal) => ordinal & ~FACT.undelivered)
    const learn = (facts: (set: number) => number): Lesson[] =>
      sets.map((set, ordinal) => ({ ordinal, attempt: 1, facts: facts(set), errorCode: 131_026 }))
    await fold(learn((set) => set & 0b1010_1010))
    await fold(learn((set) => set & 0b0101_0101))
    const counts = await client.hgetall(keys.counts(ID))
    const seen = (name: keyof ReturnType<typeof viewOf>): number => sets.filter((set) => viewOf(set)[name] === 1).length
    for (const name of ['sent', 'delivered', 'read', 'failed', 'held'] as const)
      expect([name, Number(counts[`delivery:${name}`])]).toEqual([name, seen(name)])
    for (const name of ['marketing_lite', 'marketing'] as const)
      expect([name, Number(counts[`route:${name}`])]).toEqual([name, seen(name)])
    expect(Number(counts['error:131026'])).toBe(sets.filter((set) => (set & FACT.failed) !== 0).length)
    await holdToTheLaws()
  })

  test('a proof of the last open recipient completes the campaign, once', async () => {
    await begin({ status: 'running', onUnknown: 'resend', states: [ledgerByte(STATE.unknown, 1)] })
    const sent: Lesson = { ordinal: 0, attempt: 1, facts: FACT.sent, errorCode: 0 }
    expect(await fold([sent])).toMatchObject({ lifted: 1, completed: true })
    const endedAt = await client.hget(keys.campaign(ID), 'endedAt')
    expect(await fold([sent])).toMatchObject({ lifted: 0, completed: false })
    expect(await client.hget(keys.campaign(ID), 'endedAt')).toBe(endedAt)
    expect(dispositionOf((await client.getBuffer(keys.states(ID)))?.[0] ?? 0)).toBe('accepted')
  })

  test('two proven attempts of one recipient are a duplicate, once, however often and in what order they are told', async () => {
    // The second attempt was made while the first was on its way after all; the others were sent to once.
    const [again, once] = [ledgerByte(STATE.sending, 2), ledgerByte(STATE.accepted, 2)]
    const of = (ordinal: number, attempt: number): Lesson => ({ ordinal, attempt, facts: FACT.sent, errorCode: 0 })
    for (const batches of [
      [[of(0, 1), of(0, 2)], [of(1, 2)], [of(0, 1)]],
      [[of(0, 2)], [of(1, 2), of(0, 1)], [of(0, 2)]],
    ]) {
      await begin({ status: 'running', onUnknown: 'resend', states: [again, once] })
      for (const batch of batches) await fold(batch)
      expect(await client.hget(keys.counts(ID), 'duplicates')).toBe('1')
      expect(await client.hgetall(keys.proofs(ID))).toEqual({ 0: '6' })
    }
  })

  test('what settled an unknown recipient is counted by the way it was known, in the step that settles it', async () => {
    const unknown = Array.from({ length: 3 }, () => ledgerByte(STATE.unknown, 1))
    await begin({ status: 'running', onUnknown: 'keep', states: [...unknown, ledgerByte(STATE.sending, 1)] })
    for (const [ordinal, way] of (['callback_data', 'message_id', 'message_id', 'message_id'] as const).entries()) {
      const lessons = [{ ordinal, attempt: 1, facts: FACT.sent, errorCode: 0 }]
      // Told again, nothing moves.
      await foldFacts(client, keys, ID, lessons, way)
      await foldFacts(client, keys, ID, lessons, way)
    }
    expect(await client.hgetall(keys.counts(ID))).toMatchObject({
      'settled:callback_data': '1',
      'settled:message_id': '2',
      accepted: '4',
    })
  })

  test('a campaign that nobody knows is said to be missing, and nothing is written', async () => {
    await client.flushall()
    expect(await fold([{ ordinal: 0, attempt: 1, facts: FACT.sent, errorCode: 0 }])).toEqual({ kind: 'missing' })
    expect(await client.dbsize()).toBe(0)
  })

  test('a full batch of lifts fits, one more is refused before it is sent', async () => {
    const unknown = Array.from({ length: FOLD_LESSONS_MAX + 1 }, () => ledgerByte(STATE.unknown, 1))
    await begin({ status: 'running', onUnknown: 'keep', states: unknown })
    const lessons = unknown.map((_, ordinal): Lesson => ({ ordinal, attempt: 1, facts: FACT.read, errorCode: 0 }))
    await expect(foldFacts(client, keys, ID, lessons)).rejects.toThrow(RangeError)
    expect(await fold(lessons.slice(0, -1))).toMatchObject({ lifted: FOLD_LESSONS_MAX, refused: [] })
    await holdToTheLaws()
  })
})
