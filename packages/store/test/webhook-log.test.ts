import { randomBytes } from 'node:crypto'

import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { Keys } from '../src/keys.ts'
import { Lease } from '../src/lease.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'
import { campaignsInSight } from '../src/sight.ts'
import { Suppressions } from '../src/suppressions.ts'
import { WebhookLog } from '../src/webhook-log.ts'

let redis: PrivateRedis
let client: RedisClient
let blocking: RedisClient
const keys = new Keys('test')

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no', 'stream-node-max-entries': '1' } })
  client = connectRedis(redis.url, 'ledger', () => {})
  blocking = connectRedis(redis.url, 'blocking', () => {})
})

beforeEach(async () => void (await client.flushall()))

afterAll(async () => {
  await closeRedis(client)
  await closeRedis(blocking)
  await redis.stop()
})

async function open(consumer = 'one'): Promise<WebhookLog> {
  const log = new WebhookLog(client, blocking, keys, consumer)
  await log.open()
  return log
}

async function append(log: WebhookLog, entries: number, bytes = 10): Promise<void> {
  for (let entry = 0; entry < entries; entry += 1) await log.append([randomBytes(bytes)])
}

const EVERYTHING = { since: 9_000_000_000_000, bytes: 0 }

describe('the webhook log', () => {
  test('gives bodies back byte for byte, in their order, to one consumer each, with the time of their arrival', async () => {
    const log = await open()
    const bodies = [Buffer.from([0, 255, 10, 13]), Buffer.from('é'), Buffer.alloc(0)]
    const before = Date.now() - 1_000
    await log.append(bodies)
    const [entry, ...more] = await log.read(10, 10)
    expect(more).toEqual([])
    expect(entry?.unpack()).toEqual(bodies)
    expect(entry?.at).toBeGreaterThan(before)
    expect(await (await open('two')).read(10, 10)).toEqual([])
  })

  test('packs what is worth it, and gives it back as it came', async () => {
    const log = await open()
    const bodies = Array.from({ length: 100 }, (_, place) =>
      Buffer.from(`{"statuses":[{"place":${place}}]}`.repeat(20)),
    )
    await log.append(bodies)
    const [entry] = await log.read(1, 10)
    expect(entry?.unpack()).toEqual(bodies)
    const raw = bodies.reduce((sum, body) => sum + body.length, 0)
    expect(await client.memory('USAGE', keys.webhookLog())).toBeLessThan(raw / 4)
  })

  test('what was stored before there was a group is not passed over, and opening again begins nothing anew', async () => {
    const early = new WebhookLog(client, blocking, keys, 'early')
    await early.append([Buffer.from('first')])
    await early.open()
    const entries = await early.read(10, 10)
    expect(entries).toHaveLength(1)
    await early.acknowledge(entries.map(({ id }) => id))
    await early.open()
    expect(await early.read(10, 10)).toEqual([])
  })

  test('tells how many entries are not folded, fetched or not', async () => {
    const log = await open()
    await append(log, 5)
    const [first] = await log.read(2, 10)
    expect(await log.backlog()).toEqual({ entries: 5, unfolded: 5 })
    await log.acknowledge([first?.id ?? ''])
    expect(await log.backlog()).toEqual({ entries: 5, unfolded: 4 })
  })

  test('whatever the bounds, trimming forgets no entry that is not folded, and forgets all that are', async () => {
    const history = fc.record({
      entries: fc.integer({ min: 1, max: 12 }),
      fetched: fc.integer({ min: 0, max: 12 }),
      folded: fc.array(fc.nat(11), { maxLength: 12 }),
    })
    await fc.assert(
      fc.asyncProperty(history, async ({ entries, fetched, folded }) => {
        await client.flushall()
        const log = await open()
        await append(log, entries)
        const held = fetched === 0 ? [] : await log.read(fetched, 10)
        await log.acknowledge(folded.flatMap((place) => held[place]?.id ?? []))
        const firstOpen = held.findIndex((_, place) => !folded.includes(place))
        await log.trim(EVERYTHING)
        const done = firstOpen === -1 ? held.length : firstOpen
        const left = await client.xlen(keys.webhookLog())
        expect(left).toBeGreaterThanOrEqual(entries - done)
        // Redis cuts nodes, here of one entry; the last one fetched is what tells how far folding came, and may stay.
        expect(left).toBeLessThanOrEqual(entries - done + 1)
      }),
      { numRuns: 150 },
    )
  })

  test('however many there are to forget, all go, in steps that Redis takes in milliseconds', async () => {
    const log = await open()
    const adding = client.pipeline()
    for (let entry = 0; entry < 5_000; entry += 1) adding.xadd(keys.webhookLog(), '*', 'b', Buffer.alloc(5_000, entry))
    await adding.exec()
    await log.acknowledge((await log.read(5_000, 10)).map(({ id }) => id))
    await client.config('RESETSTAT')
    await log.trim(EVERYTHING)
    expect(await client.xlen(keys.webhookLog())).toBeLessThanOrEqual(1)
    const calls = /cmdstat_xtrim:calls=(\d+)/.exec(await client.info('commandstats'))?.[1]
    expect(Number(calls)).toBeGreaterThanOrEqual(5)
  })

  test('folded entries go by age or by memory, whichever comes first', async () => {
    const log = await open()
    await append(log, 100, 10_000)
    const entries = await log.read(100, 10)
    await log.acknowledge(entries.map(({ id }) => id))
    await log.trim({ since: 0, bytes: 100_000_000 })
    expect(await client.xlen(keys.webhookLog())).toBe(100)
    await log.trim({ since: 0, bytes: 300_000 })
    const left = await client.xlen(keys.webhookLog())
    expect(left).toBeGreaterThan(15)
    expect(left).toBeLessThan(35)
    await log.trim({ since: Date.now() + 1_000, bytes: 100_000_000 })
    expect(await client.xlen(keys.webhookLog())).toBeLessThanOrEqual(1)
  })
})

describe('a lease', () => {
  test('is one holder’s until it lets go, and letting go of another’s does nothing', async () => {
    const [one, two] = ['one', 'two'].map((holder) => new Lease(client, keys.exporter(), holder, 60_000))
    expect([await one?.hold(), await two?.hold(), await one?.hold()]).toEqual([true, false, true])
    await two?.release()
    expect(await two?.hold()).toBe(false)
    await one?.release()
    expect(await two?.hold()).toBe(true)
  })
})

test('campaigns in sight are those alive and those that ended within hours, also while nobody tidies up', async () => {
  const now = Date.now()
  await client.zadd(keys.alive(), '+inf', 'alive', now - 3_600_000, 'lately', now - 24 * 3_600_000, 'long-ago')
  for (const id of ['alive', 'lately', 'long-ago'])
    await client.hset(keys.campaign(id), { sender: 'main', status: 'running', notAfter: '' })
  const { seen, total } = await campaignsInSight(client, keys, 10, now)
  expect([seen.map(({ id }) => id), total]).toEqual([['alive', 'lately'], 2])
  expect((await campaignsInSight(client, keys, 1, now)).seen.map(({ id }) => id)).toEqual(['alive'])
})

test('words heard by many processes at once, in any order and twice, leave the latest in force', async () => {
  const word = fc.record({
    value: fc.constantFrom('stop' as const, 'resume' as const),
    at: fc.integer({ min: 1, max: 5 }),
  })
  const processes = Array.from({ length: 3 }, () => connectRedis(redis.url, 'ledger', () => {}))
  await fc.assert(
    fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 8 }), async (words) => {
      await client.flushall()
      const number = 16_505_550_100
      await Promise.all(
        [...words, ...words].map(async ({ value, at }, index) => {
          const process = processes[index % processes.length] ?? client
          await new Suppressions(process, keys).hear(number, value, at)
        }),
      )
      const latest = Math.max(...words.map(({ at }) => at))
      const stopped = words.some(({ value, at }) => at === latest && value === 'stop')
      expect(await new Suppressions(client, keys).areSuppressed([number])).toEqual([stopped])
    }),
    { numRuns: 150 },
  )
  await Promise.all(processes.map(closeRedis))
})
