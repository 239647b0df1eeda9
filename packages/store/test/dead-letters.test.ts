import { randomBytes } from 'node:crypto'

import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

import { DeadLetters } from '../src/dead-letters.ts'
import type { KeptLetter } from '../src/dead-letters.ts'
import { Keys } from '../src/keys.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'
import { WebhookLog } from '../src/webhook-log.ts'

const MB = 1_048_576
const keys = new Keys('test')
let redis: PrivateRedis
let client: RedisClient
let log: WebhookLog

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'ledger', () => {})
  log = new WebhookLog(client, client, keys, 'one')
})

beforeEach(async () => {
  await client.flushall()
  await log.open()
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

const letters = (bytes = 64 * MB): DeadLetters => new DeadLetters(client, keys, bytes)

async function kept(): Promise<KeptLetter[]> {
  const all: KeptLetter[] = []
  for await (const letter of letters().list()) all.push(letter)
  return all
}

/** What the log would fold next. */
async function inLog(): Promise<{ readonly at: number; readonly body: string }[]> {
  const entries = await log.read(1_000, 1)
  return entries.flatMap(({ at, unpack }) => unpack().map((body) => ({ at, body: body.toString() })))
}

test('a letter is kept whole, however large, and a large one takes little', async () => {
  const large = JSON.stringify({ statuses: Array.from({ length: 30_000 }, (_, place) => ({ status: 'sent', place })) })
  await letters().bury([{ reason: 'unknown_campaign', body: large }], 1_000)
  expect(await kept()).toMatchObject([{ reason: 'unknown_campaign', at: 1_000, body: Buffer.from(large) }])
  expect(await client.memory('USAGE', keys.deadLetters())).toBeLessThan(large.length / 4)
})

test('the same letter twice is one, as when a batch is folded again; for another reason it is another', async () => {
  const letter = { reason: 'unknown_campaign', body: '{}' }
  await letters().bury([letter, letter], 1_000)
  await letters().bury([letter, { ...letter, reason: 'unfoldable' }], 2_000)
  expect((await kept()).map(({ reason, at }) => [reason, at])).toEqual([
    ['unknown_campaign', 1_000],
    ['unfoldable', 2_000],
  ])
})

test('they are bounded by the bytes they take: the newest stay, and how many went is told', async () => {
  const bodies = Array.from({ length: 40 }, (_, place) => `${place} ${randomBytes(50_000).toString('base64')}`)
  const forgotten = await letters(MB).bury(
    bodies.map((body) => ({ reason: 'unreadable', body })),
    1_000,
  )
  const left = (await kept()).map(({ body }) => Number.parseInt(body.toString(), 10))
  expect(left).toEqual(Array.from({ length: left.length }, (_, place) => 40 - left.length + place))
  expect([left.length + forgotten, left.length > 10, left.length < 22]).toEqual([40, true, true])
  expect(await letters().bytes()).toBeLessThanOrEqual(MB)
  expect(await client.hlen(keys.deadLetterIndex())).toBe(left.length + 1)
})

test('they are bounded in number', async () => {
  const many = Array.from({ length: 10_050 }, (_, place) => ({ reason: 'unreadable', body: String(place) }))
  expect(await letters().bury(many, 1_000)).toBe(50)
  expect(await letters().count()).toBe(10_000)
})

test('replayed, each goes into the log once, with the time it came first, and what was put aside since stays', async () => {
  const history = fc.record({
    reasons: fc.array(fc.constantFrom('unknown_campaign', 'unreadable'), { minLength: 1, maxLength: 130 }),
    only: fc.constantFrom(null, 'unreadable'),
  })
  await fc.assert(
    fc.asyncProperty(history, async ({ reasons, only }) => {
      await client.flushall()
      await log.open()
      await letters().bury(
        reasons.map((reason, place) => ({ reason, body: String(place) })),
        1_000,
      )
      const wanted = reasons.flatMap((reason, place) => (only === null || reason === only ? [String(place)] : []))
      // A letter that fails again while the others are still on their way is not for this replay.
      let steps = 0
      const late: Promise<number>[] = []
      const replayed = await letters().replay(only, () => {
        steps += 1
        late.push(letters().bury([{ reason: 'unreadable', body: `late ${steps}` }], 2_000))
      })
      await Promise.all(late)
      expect(replayed).toEqual({ moved: wanted.length, passed: reasons.length - wanted.length })
      expect(await inLog()).toEqual(wanted.map((body) => ({ at: 1_000, body })))
      expect(await letters().count()).toBe(reasons.length - wanted.length + steps)
      expect(await client.hlen(keys.deadLetterIndex())).toBe(reasons.length - wanted.length + steps + 1)
    }),
    { numRuns: 30 },
  )
})

test('a large letter goes through the log and back without a change', async () => {
  const body = JSON.stringify({ filler: 'y'.repeat(2 * MB) })
  await letters().bury([{ reason: 'unknown_envelope', body }], 1_000)
  await letters().replay(null, () => {})
  expect(await inLog()).toEqual([{ at: 1_000, body }])
  expect([await letters().count(), await letters().bytes()]).toEqual([0, 0])
})

test('two replays at once move each letter once', async () => {
  await letters().bury(
    Array.from({ length: 300 }, (_, place) => ({ reason: 'unreadable', body: String(place) })),
    1_000,
  )
  const both = await Promise.all([letters().replay(null, () => {}), letters().replay(null, () => {})])
  expect(both.reduce((sum, { moved }) => sum + moved, 0)).toBe(300)
  expect(new Set((await inLog()).map(({ body }) => body)).size).toBe(300)
  expect(await client.xlen(keys.webhookLog())).toBe(300)
})
