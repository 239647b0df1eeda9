import { packChunk } from '@chasqui/campaign'
import type { CampaignSpec } from '@chasqui/campaign'
import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { RecipientAppender } from '../src/append.ts'
import { Campaigns } from '../src/campaigns.ts'
import { countOnce } from '../src/count-once.ts'
import { Echoes } from '../src/echoes.ts'
import type { Reply } from '../src/echoes.ts'
import { Keys } from '../src/keys.ts'
import { MessageIds } from '../src/message-ids.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'

let redis: PrivateRedis
let client: RedisClient
let echoes: Echoes
const keys = new Keys('test')
const DAY = 86_400_000
const ANA = 5_511_912_345_678
/** A message that no index knows. */
const ANSWERED = 'wamid.out'
const SPEC: CampaignSpec = {
  name: 'x',
  sender: 'main',
  template: { name: 't', language: 'en', components: [] },
  productPolicy: 'STRICT',
  onUnknown: 'keep',
  priority: 'normal',
}

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'api', () => {})
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

beforeEach(async () => {
  await client.flushall()
  echoes = new Echoes(client, keys)
})

/** A campaign to these people, launched at some moment, ms. */
async function launched(id: string, at: number, people: readonly number[], sender = 'main'): Promise<void> {
  const campaigns = new Campaigns(client, keys)
  await campaigns.create({ id, spec: { ...SPEC, sender }, createdAt: at })
  const chunk = { names: [], to: people, refs: null, columns: [] }
  const appender = new RecipientAppender(client, keys, id, id)
  await appender.append({ chunks: [packChunk(chunk)], tally: { rows: people.length, rejected: {}, warnings: {} } })
  await campaigns.move({ id, from: 'draft', to: 'running' })
  await client.hset(keys.campaign(id), 'launchedAt', at)
}

const NOW = Date.now()
const reply = (messageId: string, more: Partial<Reply> = {}): Reply => ({
  sender: 'main',
  kind: 'tap',
  messageId,
  from: ANA,
  answers: ANSWERED,
  at: NOW,
  ...more,
})

async function taps(id: string): Promise<number> {
  return Number((await client.hget(keys.counts(id), 'reply:tap')) ?? 0)
}

describe('replies', () => {
  test('count once for their sender and their campaign, however often they are told of', async () => {
    await launched('a', NOW - DAY, [ANA])
    const told = [reply('1'), reply('2'), reply('1')]
    await echoes.countReplies(told, NOW)
    // Another process, a day later, from a list of its own.
    await new Echoes(client, keys).countReplies(told.toReversed(), NOW + DAY)
    expect(await taps('a')).toBe(2)
    expect((await echoes.ofSender('main')).replies).toEqual({ tap: 2, message: 0, reaction: 0 })
  })

  test('belong to the latest campaign before them that has the person, on that number', async () => {
    await launched('early', NOW - 3 * DAY, [ANA])
    await launched('others', NOW - 2 * DAY, [ANA + 1])
    await launched('elsewhere', NOW - 2 * DAY, [ANA], 'second')
    await launched('late', NOW - DAY, [ANA])
    const before = reply('before', { at: NOW - 2 * DAY + 1 })
    await echoes.countReplies([before, reply('after'), reply('stranger', { from: 4_915_100_000_000 })], NOW)
    expect([await taps('early'), await taps('late'), await taps('others'), await taps('elsewhere')]).toEqual([
      1, 1, 0, 0,
    ])
    // A campaign launched since does not take it over when it is told of again.
    await launched('newest', NOW + 1, [ANA])
    await new Echoes(client, keys).countReplies([before, reply('after')], NOW + 10)
    expect([await taps('early'), await taps('late'), await taps('newest')]).toEqual([1, 1, 0])
    expect((await echoes.ofSender('main')).replies.tap).toBe(3)
  })

  test('belong to the campaign whose message they answer, where message ids are known, whoever wrote', async () => {
    await launched('answered', NOW - 2 * DAY, [ANA])
    await launched('latest', NOW - DAY, [ANA])
    const ids = new MessageIds(client, keys)
    await ids.note('main', 'answered', [{ messageId: 'wamid.a', ordinal: 0, attempt: 1 }])
    await ids.note('main', 'deleted', [{ messageId: 'wamid.d', ordinal: 0, attempt: 1 }])
    const told = [
      reply('1', { answers: 'wamid.a' }),
      reply('2', { answers: 'wamid.a', from: null }),
      reply('3', { answers: 'wamid.unknown' }),
      reply('4', { answers: 'wamid.d', from: null }),
      // The index of another sender is not asked.
      reply('5', { answers: 'wamid.a', sender: 'second' }),
    ]
    await echoes.countReplies(told, NOW)
    await new Echoes(client, keys).countReplies(told.toReversed(), NOW + 1)
    expect([await taps('answered'), await taps('latest')]).toEqual([2, 1])
    expect(await client.exists(keys.counts('deleted'))).toBe(0)
    expect((await echoes.ofSender('main')).replies.tap).toBe(4)
  })

  test('that answer nothing, or come from nobody known, count for their sender alone', async () => {
    await launched('a', NOW - DAY, [ANA])
    await echoes.countReplies([reply('1', { answers: null, kind: 'message' }), reply('2', { from: null })], NOW)
    expect(await client.hget(keys.counts('a'), 'reply:message')).toBeNull()
    expect((await echoes.ofSender('main')).replies).toEqual({ tap: 1, message: 1, reaction: 0 })
  })

  test('find the person by either spelling of the number', async () => {
    await launched('a', NOW - DAY, [ANA])
    await echoes.countReplies([reply('1', { from: 551_112_345_678 })], NOW)
    expect(await taps('a')).toBe(1)
  })
})

test('clicks count once for their sender', async () => {
  const click = (identity: string) => ({ sender: 'main', kind: 'link', identity, at: NOW }) as const
  await echoes.countClicks([click('a'), click('b'), click('a')], NOW)
  await echoes.countClicks([click('b'), { ...click('b'), kind: 'landing_page', identity: 'c' }], NOW)
  expect((await echoes.ofSender('main')).clicks).toEqual({ link: 2, landing_page: 1 })
})

describe('what was counted', () => {
  const where = { counts: keys.echoes('s'), seen: (day: number) => keys.echoesSeen('s', day) }

  test('is remembered for as long as it may be told of again, and then forgotten', async () => {
    const thing = { identity: 'x', at: NOW - 7 * DAY, field: 'f' }
    expect(await countOnce(client, where, [thing], NOW)).toEqual({ counted: 1, overflow: 0 })
    const left = await client.pttl(keys.echoesSeen('s', Math.floor(thing.at / DAY)))
    // Nothing of that day is counted any more when it is forgotten.
    expect(left).toBeGreaterThan(9 * DAY)
    expect(left).toBeLessThanOrEqual(10 * DAY)
    expect(await countOnce(client, where, [{ ...thing, identity: 'y', at: NOW - 9 * DAY }], NOW)).toEqual({
      counted: 0,
      overflow: 0,
    })
  })

  test('of many days and many calls is counted exactly, in any order', async () => {
    const things = Array.from({ length: 2_500 }, (_, place) => ({
      identity: `m${place}`,
      at: NOW - (place % 5) * DAY,
      field: `f${place % 3}`,
    }))
    const parts = await Promise.all([
      countOnce(client, where, things, NOW),
      countOnce(client, where, things.toReversed(), NOW),
    ])
    expect(parts.reduce((sum, { counted }) => sum + counted, 0)).toBe(2_500)
    const counts = await client.hgetall(where.counts)
    expect(Object.values(counts).reduce((sum, count) => sum + Number(count), 0)).toBe(2_500)
  })
})
