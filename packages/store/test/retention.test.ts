import { packChunk } from '@chasqui/campaign'
import type { CampaignSpec } from '@chasqui/campaign'
import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { RecipientAppender } from '../src/append.ts'
import { Campaigns } from '../src/campaigns.ts'
import { Keys } from '../src/keys.ts'
import { Ledger } from '../src/ledger.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'
import { Retention } from '../src/retention.ts'
import { Runs } from '../src/runs.ts'

let redis: PrivateRedis
let client: RedisClient
let campaigns: Campaigns
let retention: Retention
const keys = new Keys('test')
const DAY = 86_400_000
const KEPT = 38 * DAY
const RECIPIENTS_KEPT = 10 * DAY
const SPEC: CampaignSpec = {
  name: 'x',
  sender: 's',
  template: { name: 't', language: 'en', components: [] },
  productPolicy: 'STRICT',
  onUnknown: 'keep',
  priority: 'normal',
}

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'api', () => {})
  campaigns = new Campaigns(client, keys)
  const times = { campaignMs: KEPT, recipientsMs: RECIPIENTS_KEPT, draftMs: 30 * DAY }
  retention = new Retention(client, keys, campaigns, times)
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

beforeEach(async () => {
  await client.flushall()
})

let people = 0
async function draft(id: string, recipients: number, spec: Partial<CampaignSpec> = {}): Promise<void> {
  await campaigns.create({ id, spec: { ...SPEC, ...spec }, createdAt: await campaigns.now() })
  const appender = new RecipientAppender(client, keys, id, `upload-${id}`)
  for (let from = 0; from < recipients; from += 500) {
    const to = Array.from({ length: Math.min(500, recipients - from) }, () => 5_511_900_000_000 + people++)
    const chunks = [packChunk({ names: [], to, refs: null, columns: [] })]
    await appender.append({ chunks, tally: { rows: to.length, rejected: {}, warnings: {} } })
  }
  await appender.close()
}

/** As when everybody of it has been sent to. @returns when it ended, ms. */
async function complete(id: string): Promise<number> {
  await campaigns.enliven(id)
  await client.hset(keys.campaign(id), 'launchedAt', '1')
  await client.hset(keys.counts(id), 'pending', '0')
  const { status } = (await campaigns.read(id)) ?? { status: 'draft' as const }
  await campaigns.move({ id, from: status, to: 'completed' })
  return (await campaigns.read(id))?.endedAt ?? Number.NaN
}

/** When Redis drops each key of a campaign, ms; -1: never. */
async function expiries(id: string): Promise<Map<string, number>> {
  const names = await client.keys(`test:{c:${id}}:*`)
  const times = await Promise.all(names.map(async (name) => await client.pexpiretime(name)))
  return new Map(names.map((name, at) => [name.slice(`test:{c:${id}}:`.length), times[at] ?? 0]))
}

const isRecipients = (name: string): boolean => /^(chunk:|numbers:)/.test(name)

async function pass(): Promise<void> {
  await retention.pass(await campaigns.now(), 0, 1_000)
}

describe('a campaign that runs once', () => {
  test('goes 38 days after its end, every key of it, and its recipients earlier; the same when it is asked again', async () => {
    await draft('a', 1_700)
    await campaigns.enliven('a')
    await campaigns.move({ id: 'a', from: 'draft', to: 'running', sendable: true })
    const ask = { campaign: 'a', chunk: 0, token: 't', fromRow: 0, most: 5, leaseMs: 1_000, marginMs: 0 }
    await new Ledger(client, keys).claim({ ...ask, claimant: 'w', remembered: 0, bornAt: await campaigns.now() })
    await pass()
    expect([...(await expiries('a')).values()].every((at) => at === -1)).toBe(true)
    const endedAt = await complete('a')
    await pass()
    expect(
      [...(await expiries('a')).values()].every((at) => at === -1),
      'five are on the wire still',
    ).toBe(true)
    await client.hset(keys.counts('a'), 'sending', '0')
    for (let twice = 0; twice < 2; twice++) {
      await pass()
      const times = await expiries('a')
      expect([...times.keys()].filter(isRecipients).length).toBeGreaterThan(4 + 8)
      expect(times.size).toBeGreaterThan(18)
      for (const [name, at] of times)
        expect([name, at]).toEqual([name, endedAt + (isRecipients(name) ? RECIPIENTS_KEPT : KEPT)])
    }
    expect((await campaigns.read('a'))?.recipientsUntil).toBe(endedAt + RECIPIENTS_KEPT)
  })

  test('takes with it what is born after its end: facts of late statuses', async () => {
    await draft('a', 3)
    const endedAt = await complete('a')
    await pass()
    await client.setrange(keys.facts('a'), 2, '\u0001')
    expect((await expiries('a')).get('facts')).toBe(-1)
    await pass()
    expect((await expiries('a')).get('facts')).toBe(endedAt + KEPT)
  })

  test('of which nothing was sent goes a week after it was canceled; a draft is canceled when nobody launches it', async () => {
    await draft('old', 3)
    await draft('young', 3)
    await client.hset(keys.campaign('old'), 'createdAt', (await campaigns.now()) - 31 * DAY)
    await pass()
    expect([(await campaigns.read('old'))?.status, (await campaigns.read('old'))?.reason]).toEqual([
      'canceled',
      'never launched',
    ])
    expect((await campaigns.read('young'))?.status).toBe('draft')
    await client.hset(keys.counts('old'), 'pending', '0')
    await pass()
    const endedAt = (await campaigns.read('old'))?.endedAt ?? 0
    for (const [, at] of await expiries('old')) expect(at).toBe(endedAt + 7 * DAY)
    expect([...(await expiries('young')).values()].every((at) => at === -1)).toBe(true)
  })

  test('whose claims nobody ever settles goes all the same', async () => {
    await draft('a', 3)
    await complete('a')
    await client.hset(keys.counts('a'), 'sending', '1')
    await retention.pass((await campaigns.now()) + 2 * DAY, 0, 10)
    expect(Math.min(...(await expiries('a')).values())).toBeGreaterThan(0)
  })

  test('is in no list any more when it is gone, but one that is only just being made is', async () => {
    await draft('a', 3)
    await campaigns.enliven('a')
    const names = await client.keys('test:{c:a}:*')
    await client.del(...names)
    await pass()
    expect(await client.zrange(keys.campaigns(), 0, '-1')).toEqual(['a'])
    await retention.pass((await campaigns.now()) + 2 * DAY, 0, 10)
    expect(await client.zrange(keys.campaigns(), 0, '-1')).toEqual([])
    expect(await client.zrange(keys.alive(), 0, '-1')).toEqual([])
    expect((await campaigns.list({ status: null, cursor: null, limit: 5 })).campaigns).toEqual([])
  })
})

describe('a recurring campaign', () => {
  const cron = { schedule: { cron: '0 9 * * *', timezone: 'UTC' } } as Partial<CampaignSpec>

  test('keeps its recipients while it is scheduled, and while a run has work; they go with whichever ends last', async () => {
    await draft('p', 600, cron)
    await campaigns.enliven('p')
    await campaigns.move({ id: 'p', from: 'draft', to: 'scheduled', sendable: true })
    const parent = await campaigns.read('p')
    if (parent === null) throw new Error('no parent')
    const runs = new Runs(client, keys, campaigns)
    const at = await campaigns.now()
    const { id: first } = await runs.prepare(parent, at)
    const { id: second } = await runs.prepare(parent, at + 60_000)

    const firstEnded = await complete(first)
    await pass()
    for (const [, expiry] of await expiries(first)) expect(expiry).toBe(firstEnded + KEPT)
    expect([...(await expiries('p')).values()].every((expiry) => expiry === -1)).toBe(true)

    await client.hset(keys.counts('p'), 'pending', '0')
    await campaigns.move({ id: 'p', from: 'scheduled', to: 'canceled' })
    await pass()
    expect(
      [...(await expiries('p')).values()].every((expiry) => expiry === -1),
      'the second run',
    ).toBe(true)

    const secondEnded = await complete(second)
    await client.hset(keys.campaign(second), 'endedAt', secondEnded + 5_000)
    const parentEnded = (await campaigns.read('p'))?.endedAt ?? 0
    await pass()
    await client.hdel(keys.campaign(second), 'recipientsUntil')
    await pass()
    for (const [name, expiry] of await expiries('p'))
      expect([name, expiry]).toEqual([
        name,
        name.startsWith('chunk:') ? secondEnded + 5_000 + KEPT : parentEnded + KEPT,
      ])
  })
})

test('a pass is bounded, and the passes together see every campaign', async () => {
  for (let index = 0; index < 25; index++) {
    await draft(`c${index}`, 1)
    await complete(`c${index}`)
  }
  const now = await campaigns.now()
  const steps: number[] = []
  for (let from = 0, first = true; first || from !== 0; first = false) {
    from = await retention.pass(now, from, 10)
    steps.push(from)
  }
  expect(steps).toEqual([10, 20, 0])
  for (let index = 0; index < 25; index++)
    expect(Math.min(...(await expiries(`c${index}`)).values())).toBeGreaterThan(now)
})
