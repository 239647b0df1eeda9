import { packChunk, personKey } from '@chasqui/campaign'
import type { Batch, CampaignSpec, PackedChunk } from '@chasqui/campaign'
import { startRedis, tcpProxy } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { RecipientAppender } from '../src/append.ts'
import { Campaigns } from '../src/campaigns.ts'
import { Chunks } from '../src/chunks.ts'
import { Keys } from '../src/keys.ts'
import { storagePlaceOf } from '../src/number-plan.ts'
import { Recipients } from '../src/recipients.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'

let redis: PrivateRedis
let client: RedisClient
const keys = new Keys('test')
const ID = 'c1'
const SPEC: CampaignSpec = {
  name: 'x',
  sender: 's',
  template: { name: 't', language: 'en', components: [] },
  productPolicy: 'STRICT',
  onUnknown: 'keep',
  priority: 'normal',
}

beforeAll(async () => {
  redis = await startRedis()
  client = connectRedis(redis.url, 'api', () => {})
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

beforeEach(async () => {
  await client.flushall()
  await new Campaigns(client, keys).create({ id: ID, spec: SPEC, createdAt: 1 })
})

/** The batches that an upload of these numbers forms, four chunks of 500 each. */
function batchesOf(numbers: readonly number[]): Batch[] {
  const batches: Batch[] = []
  for (let from = 0; from < numbers.length; from += 2_000) {
    const part = numbers.slice(from, from + 2_000)
    const chunks: PackedChunk[] = []
    for (let row = 0; row < part.length; row += 500) {
      const to = part.slice(row, row + 500)
      chunks.push(packChunk({ names: ['n'], to, refs: null, columns: [to.map((number) => `name ${number}`)] }))
    }
    batches.push({ chunks, tally: { rows: part.length, rejected: {}, warnings: {} } })
  }
  return batches
}

/** As a long upload has them: those of one bucket side by side, the same number twice among them. */
function inStorageOrder(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => storagePlaceOf(personKey(a)) - storagePlaceOf(personKey(b)))
}

/** Append all batches of an upload, up to four on their way at once. */
async function upload(
  appender: RecipientAppender,
  numbers: readonly number[],
): Promise<{ added: number; duplicates: number }> {
  const total = { added: 0, duplicates: 0 }
  const onTheWay = new Set<Promise<void>>()
  for (const batch of batchesOf(numbers)) {
    const sent = appender.append(batch).then((reply) => {
      if (reply.kind !== 'stored') throw new Error(reply.kind)
      total.added += reply.added
      total.duplicates += reply.duplicates
      onTheWay.delete(sent)
    })
    onTheWay.add(sent)
    if (onTheWay.size >= 4) await Promise.race(onTheWay)
  }
  await Promise.all(onTheWay)
  return total
}

function open(name = 'u', by: RedisClient = client): RecipientAppender {
  return new RecipientAppender(by, keys, ID, name)
}

/** Everything the campaign holds, read back the way the sender and the export do. */
async function stored(): Promise<{ readonly to: number[]; readonly chunks: number }> {
  const campaign = await new Campaigns(client, keys).read(ID)
  if (campaign === null) throw new Error('no campaign')
  const to: number[] = []
  for await (const recipients of new Recipients(client, keys).read(campaign))
    to.push(...recipients.map((recipient) => recipient.to))
  return { to, chunks: campaign.chunks }
}

async function counts(): Promise<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(await client.hgetall(keys.counts(ID))).map(([field, value]) => [field, Number(value)]),
  )
}

/** What must hold after any history: each person once, counters and bytes and agenda agreeing. */
async function expectExactly(people: ReadonlySet<number>): Promise<void> {
  const { to } = await stored()
  expect(new Set(to.map(personKey))).toEqual(people)
  expect(to).toHaveLength(people.size)
  const report = await counts()
  expect(report['recipients'] ?? 0).toBe(people.size)
  expect(report['pending'] ?? 0).toBe(people.size)
  expect(report['intake:accepted'] ?? 0).toBe(people.size)
  const states = await client.getrangeBuffer(keys.states(ID), 0, -1)
  const withWork = new Set<number>()
  for (const [ordinal, byte] of states.entries()) if (byte !== 0) withWork.add(Math.floor(ordinal / 500))
  const agenda = new Set((await client.zrange(keys.agenda(ID), '0', '-1')).map(Number))
  for (const chunk of withWork) expect(agenda).toContain(chunk)
}

function numbersFrom(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => 447_911_000_000 + start + index)
}

describe('appending recipients', () => {
  test('stores each person once, whatever overlaps with whatever, from several uploads at once', async () => {
    const list = fc
      .array(fc.record({ start: fc.integer({ min: 0, max: 9_000 }), count: fc.integer({ min: 1, max: 2_500 }) }), {
        minLength: 1,
        maxLength: 3,
      })
      .map((parts) => parts.flatMap(({ start, count }) => numbersFrom(start, count)))
      .chain((numbers) => fc.boolean().map((inOrder) => (inOrder ? inStorageOrder(numbers) : numbers)))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(list, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
        async (rounds) => {
          await client.flushall()
          await new Campaigns(client, keys).create({ id: ID, spec: SPEC, createdAt: 1 })
          const people = new Set<number>()
          let rows = 0
          let answered = 0
          for (const [round, lists] of rounds.entries()) {
            const answers = await Promise.all(
              lists.map(async (numbers, index) => await upload(open(`u${round}-${index}`), numbers)),
            )
            for (const numbers of lists) {
              rows += numbers.length
              for (const number of numbers) people.add(personKey(number))
            }
            answered += answers.reduce((sum, { added }) => sum + added, 0)
            for (const [index, { added, duplicates }] of answers.entries())
              expect(added + duplicates).toBe(lists[index]?.length)
          }
          expect(answered).toBe(people.size)
          expect((await counts())['intake:duplicates'] ?? 0).toBe(rows - people.size)
          await expectExactly(people)
        },
      ),
      { numRuns: 25 },
    )
  }, 60_000)

  test('the same list again adds nothing and stores nothing', async () => {
    const numbers = numbersFrom(0, 7_321)
    await upload(open('u1'), numbers)
    const before = await stored()
    const keysBefore = await keysWithoutSets()
    expect(await upload(open('u2'), numbers)).toEqual({ added: 0, duplicates: 7_321 })
    expect(await stored()).toEqual(before)
    expect(await keysWithoutSets()).toEqual(keysBefore)
    // What is on its way may make room in the number set for as many as it could add, and no more.
    expect(Number(await client.hget(`${keys.numbers(ID)}:meta`, 'buckets'))).toBeLessThanOrEqual(
      (7_321 + 8_000) / 200 + 1,
    )
    await expectExactly(new Set(numbers.map(personKey)))
  })

  test('a long list again, with one new person at its end, makes no hole', async () => {
    const numbers = numbersFrom(0, 40_000)
    await upload(open('u1'), numbers)
    expect(await upload(open('u2'), [...numbers, 447_911_999_999])).toEqual({ added: 1, duplicates: 40_000 })
    // Four chunks are on their way at most when the last batch is sent.
    expect((await stored()).chunks).toBeLessThanOrEqual(80 + 16 + 1)
  })

  test('two spellings of one number are one person, and the first is kept', async () => {
    expect(await upload(open(), [5511987654321, 551187654321, 5215512345678, 525512345678])).toEqual({
      added: 2,
      duplicates: 2,
    })
    expect((await stored()).to).toEqual([5511987654321, 5215512345678])
  })

  test('a batch that is mostly duplicates is packed without them', async () => {
    await upload(open('u1'), numbersFrom(0, 2_000))
    expect(await upload(open('u2'), numbersFrom(1_100, 2_000))).toEqual({ added: 1_100, duplicates: 900 })
    const { chunks } = await stored()
    expect(chunks).toBe(4 + 3)
    for (const [chunk, rows] of [
      [4, 500],
      [5, 500],
      [6, 100],
    ] as const)
      expect((await new Chunks(client, keys).read(ID, chunk))?.to).toHaveLength(rows)
    await expectExactly(new Set(numbersFrom(0, 3_100).map(personKey)))
  })

  test('a few duplicates stay as places where nobody lives', async () => {
    await upload(open('u1'), numbersFrom(0, 100))
    expect(await upload(open('u2'), numbersFrom(50, 1_000))).toEqual({ added: 950, duplicates: 50 })
    await expectExactly(new Set(numbersFrom(0, 1_050).map(personKey)))
  })

  test('many small uploads share chunks', async () => {
    for (let index = 0; index < 120; index++)
      await upload(open(`u${index}`), numbersFrom(index * 10, 10)).catch((error: unknown) => Promise.reject(error))
    await expectExactly(new Set(numbersFrom(0, 1_200).map(personKey)))
    // An upload joins the last chunk when it has opened the campaign; without, its first guess is corrected.
    expect((await stored()).chunks).toBe(3)
  })

  test('asked twice under one sequence number, it is done once and answered alike', async () => {
    const [batch] = batchesOf(numbersFrom(0, 1_234))
    if (batch === undefined) throw new Error('no batch')
    const first = await open('same').append(batch)
    const bytes = await client.getrangeBuffer(keys.states(ID), 0, -1)
    const report = await counts()
    expect(await open('same').append(batch)).toEqual(first)
    expect(first).toEqual({ kind: 'stored', added: 1_234, duplicates: 0 })
    expect(await counts()).toEqual(report)
    expect(await client.getrangeBuffer(keys.states(ID), 0, -1)).toEqual(bytes)
  })

  test('an answer lost on its way is asked for again and counts once', async () => {
    const wire = await tcpProxy(redis.url)
    const shaky = connectRedis(wire.url, 'api', () => {})
    try {
      const numbers = numbersFrom(0, 30_000)
      const appender = open('shaky', shaky)
      await appender.open()
      const total = { added: 0, duplicates: 0 }
      for (const [index, batch] of batchesOf(numbers).entries()) {
        // The command passes, the first bytes of its answer do not: ioredis connects again and re-sends it.
        if (index % 3 === 1) wire.cutAfterResponseBytes(0)
        const answer = appender.append(batch)
        if (index % 3 === 1) {
          await new Promise((resolve) => shaky.once('close', resolve))
          wire.heal()
        }
        const reply = await answer
        if (reply.kind !== 'stored') throw new Error(reply.kind)
        total.added += reply.added
        total.duplicates += reply.duplicates
      }
      expect(total).toEqual({ added: 30_000, duplicates: 0 })
      await expectExactly(new Set(numbers.map(personKey)))
    } finally {
      await closeRedis(shaky)
      await wire.close()
    }
  })

  test('a campaign that has started takes nobody, and one that is not there neither', async () => {
    const campaigns = new Campaigns(client, keys)
    await upload(open('u1'), numbersFrom(0, 10))
    await campaigns.move({ id: ID, from: 'draft', to: 'running' })
    const [batch] = batchesOf(numbersFrom(100, 10))
    if (batch === undefined) throw new Error('no batch')
    expect(await open('u2').append(batch)).toEqual({ kind: 'closed', status: 'running' })
    expect(await new RecipientAppender(client, keys, 'other', 'u').append(batch)).toEqual({ kind: 'missing' })
    await expectExactly(new Set(numbersFrom(0, 10).map(personKey)))
  })

  test('rows that were refused are counted with the batch', async () => {
    await open().append({
      chunks: [],
      tally: { rows: 7, rejected: { too_short: 4, letters: 3 }, warnings: { us_number: 2 } },
    })
    expect(await counts()).toEqual({
      'intake:rows': 7,
      'intake:rejected:too_short': 4,
      'intake:rejected:letters': 3,
      'intake:warning:us_number': 2,
    })
  })

  test('answers kept for replays are forgotten when the upload ends', async () => {
    const appender = open('u9')
    await upload(appender, numbersFrom(0, 10))
    expect(await client.ttl(keys.upload(ID, 'u9'))).toBeGreaterThan(60)
    await appender.close()
    expect(await client.exists(keys.upload(ID, 'u9'))).toBe(0)
  })

  test('100,000 recipients with three random columns take at most 64 bytes each, all keys included', async () => {
    const before = await memory()
    const random = seeded(7)
    const word = (length: number): string =>
      Array.from({ length }, () => 'abcdefghijklmnopqrstuvwxyz0123456789'[random(36)]).join('')
    const appender = open()
    for (let from = 0; from < 100_000; from += 2_000) {
      const chunks = Array.from({ length: 4 }, (_, part) => {
        const to = Array.from({ length: 500 }, (_row, row) => 5_511_900_000_000 + (from + part * 500 + row) * 997)
        const columns = [to.map(() => word(6)), to.map(() => word(8)), to.map(() => word(5))]
        return packChunk({ names: ['a', 'b', 'c'], to, refs: null, columns })
      })
      await appender.append({ chunks, tally: { rows: 2_000, rejected: {}, warnings: {} } })
    }
    await appender.close()
    expect((await counts())['recipients']).toBe(100_000)
    expect(((await memory()) - before) / 100_000).toBeLessThan(64)
  })
})

describe('an upload that says how many will come', () => {
  const buckets = async (): Promise<number> => Number(await client.hget(`${keys.numbers(ID)}:meta`, 'buckets'))
  const people = (from: number): number[] =>
    Array.from({ length: 500 }, (_, row) => 5_511_900_000_000 + (from + row) * 7)
  const batch = (from: number): Batch => ({
    chunks: [packChunk({ names: [], to: people(from), refs: null, columns: [] })],
    tally: { rows: 500, rejected: {}, warnings: {} },
  })

  test.each([
    ['rightly', 1_000, 5],
    ['far too many', 1_000_000, 5_000],
    ['beyond all measure', Number.MAX_VALUE, 100_000],
    ['nobody', 0, 3],
    ['nonsense', Number.NaN, 3],
  ])('%s, begins its number set accordingly and stores each once', async (_how, expected, begun) => {
    const appender = open()
    appender.expect(expected)
    expect(await appender.append(batch(0))).toEqual({ kind: 'stored', added: 500, duplicates: 0 })
    expect(await buckets()).toBe(begun)
    expect(await appender.append(batch(500))).toEqual({ kind: 'stored', added: 500, duplicates: 0 })
    expect(await open('again').append(batch(250))).toEqual({ kind: 'stored', added: 0, duplicates: 500 })
    expect((await counts())['recipients']).toBe(1_000)
  })
})

async function keysWithoutSets(): Promise<string[]> {
  return (await client.keys('*')).filter((key) => !key.includes(':upload:') && !key.includes(':numbers:')).sort()
}

async function memory(): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1])
}

/** Lehmer's generator: whole numbers below `limit`, the same for the same seed. */
function seeded(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state * 48_271) % 2_147_483_647
    return state % limit
  }
}
