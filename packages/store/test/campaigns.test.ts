import type { CampaignSpec } from '@chasqui/campaign'
import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { Campaigns, isCursor } from '../src/campaigns.ts'
import { Keys } from '../src/keys.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'
import { Runs } from '../src/runs.ts'

let redis: PrivateRedis
let client: RedisClient
let campaigns: Campaigns
const keys = new Keys('test')
const SPEC: CampaignSpec = {
  name: 'x',
  sender: 's',
  template: { name: 't', language: 'en', components: [] },
  sendBy: '2100-01-01T00:00:00Z',
  productPolicy: 'STRICT',
  onUnknown: 'keep',
  priority: 'normal',
}

beforeAll(async () => {
  redis = await startRedis()
  client = connectRedis(redis.url, 'api', () => {})
  campaigns = new Campaigns(client, keys)
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

beforeEach(async () => {
  await client.flushall()
})

async function create(id: string, spec = SPEC, createdAt = 1): Promise<void> {
  await campaigns.create({ id, spec, createdAt })
}

describe('a campaign', () => {
  test('is read as it was created, and created once', async () => {
    expect(await campaigns.create({ id: 'a', spec: SPEC, createdAt: 5 })).toBe(true)
    expect(await campaigns.create({ id: 'a', spec: { ...SPEC, name: 'y' }, createdAt: 5 })).toBe(false)
    expect(await campaigns.read('a')).toEqual({
      id: 'a',
      spec: SPEC,
      sender: 's',
      status: 'draft',
      reason: null,
      createdAt: 5,
      launchedAt: null,
      startAt: null,
      endedAt: null,
      notAfter: Date.parse('2100-01-01T00:00:00Z'),
      source: 'a',
      parent: null,
      chunks: 0,
      recipientsUntil: null,
    })
    expect(await campaigns.read('b')).toBeNull()
  })

  test('of 50 requests under one key is one campaign', async () => {
    const reserved = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => await campaigns.reserve('key', 'digest', `id-${index}`, index)),
    )
    expect(new Set(reserved.map(({ id }) => id)).size).toBe(1)
    expect(await campaigns.reserve('key', 'other digest', 'id-x', 0)).toEqual(reserved[0])
    expect((await campaigns.reserve('other key', 'digest', 'id-y', 0)).id).toBe('id-y')
    expect(await client.pttl(keys.idempotency('key'))).toBeGreaterThan(86_000_000)
  })
})

describe('a move', () => {
  test('happens once, and only from where the campaign is', async () => {
    await create('a')
    const orders = await Promise.all(
      Array.from({ length: 10 }, async () => await campaigns.move({ id: 'a', from: 'draft', to: 'running' })),
    )
    expect(orders.map(({ kind }) => kind).sort()).toEqual([...Array.from({ length: 9 }, () => 'already'), 'moved'])
    const { launchedAt } = (await campaigns.read('a')) ?? {}
    expect(launchedAt).toBeTypeOf('number')
    expect(await campaigns.move({ id: 'a', from: 'draft', to: 'scheduled' })).toMatchObject({
      kind: 'changed',
      status: 'running',
    })
    expect(await campaigns.move({ id: 'b', from: 'draft', to: 'running' })).toMatchObject({ kind: 'missing' })
  })

  test('notes when it first ran and when it ended', async () => {
    await create('a')
    await campaigns.move({ id: 'a', from: 'draft', to: 'running' })
    const first = (await campaigns.read('a'))?.launchedAt
    await campaigns.move({ id: 'a', from: 'running', to: 'paused', reason: 'api:me' })
    expect(await campaigns.read('a')).toMatchObject({ status: 'paused', reason: 'api:me', endedAt: null })
    await campaigns.move({ id: 'a', from: 'paused', to: 'running' })
    expect(await campaigns.read('a')).toMatchObject({ launchedAt: first, reason: null })
    const { now } = await campaigns.move({ id: 'a', from: 'running', to: 'canceled' })
    expect(await campaigns.read('a')).toMatchObject({ status: 'canceled', endedAt: now })
  })

  test('to running needs recipients and time left, if that is asked', async () => {
    await create('a')
    await create('late', { ...SPEC, sendBy: '2020-01-01T00:00:00Z' })
    expect((await campaigns.move({ id: 'a', from: 'draft', to: 'running', sendable: true })).kind).toBe('empty')
    await client.hset(keys.counts('a'), 'recipients', '1')
    await client.hset(keys.counts('late'), 'recipients', '1')
    expect((await campaigns.move({ id: 'late', from: 'draft', to: 'running', sendable: true })).kind).toBe('expired')
    expect((await campaigns.move({ id: 'a', from: 'draft', to: 'running', sendable: true })).kind).toBe('moved')
    expect((await campaigns.read('late'))?.status).toBe('draft')
  })
})

describe('the list', () => {
  test('goes from new to old by pages, also through campaigns of one millisecond', async () => {
    const ids = Array.from({ length: 25 }, (_, index) => `c-${String(index).padStart(2, '0')}`)
    for (const [index, id] of ids.entries()) await create(id, SPEC, 1_000 + Math.floor(index / 10))
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<Campaigns['list']>> = await campaigns.list({ status: null, cursor, limit: 4 })
      seen.push(...page.campaigns.map(({ campaign }) => campaign.id))
      cursor = page.cursor
      if (cursor !== null) expect(isCursor(cursor)).toBe(true)
    } while (cursor !== null)
    expect(seen).toEqual(ids.toReversed())
  })

  test('can be of one status, and passes over what was never finished', async () => {
    await create('a')
    await create('b')
    await campaigns.move({ id: 'b', from: 'draft', to: 'running' })
    // A creation that broke off after its first step.
    await client.zadd(keys.campaigns(), 99, 'ghost')
    expect(
      (await campaigns.list({ status: 'running', cursor: null, limit: 10 })).campaigns.map(
        ({ campaign }) => campaign.id,
      ),
    ).toEqual(['b'])
    expect((await campaigns.list({ status: null, cursor: null, limit: 10 })).campaigns).toHaveLength(2)
  })

  test.each(['', 'x', '1.A', '1.a{b}', 'zzzzzzzzzzzz.a'])('%j is no cursor', (text) =>
    expect(isCursor(text)).toBe(false),
  )
})

describe('a run of a recurring campaign', () => {
  const AT = Date.UTC(2026, 10, 30, 12)
  const RUN = 'p-202611301200'

  /** A parent of 300,000 places, a tenth of them empty. */
  async function parent(): Promise<Buffer> {
    await create('p', { ...SPEC, schedule: { cron: '0 9 * * MON', timezone: 'America/Sao_Paulo' } })
    const states = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, index) => (index % 10 === 3 ? 0 : 1)))
    // A whole chunk of nobody.
    states.fill(0, 500, 1_000)
    await client.set(keys.states('p'), states)
    await client.hset(keys.campaign('p'), 'chunks', '600', 'status', 'scheduled')
    return states
  }

  async function prepareBy(by: RedisClient): Promise<string> {
    const own = new Campaigns(by, keys)
    const found = await own.read('p')
    if (found === null) throw new Error('no parent')
    return (await new Runs(by, keys, own).prepare(found, AT)).id
  }

  test('prepared by four processes at once has each recipient once', async () => {
    const states = await parent()
    const clients = Array.from({ length: 4 }, () => connectRedis(redis.url, 'api', () => {}))
    const ids = await Promise.all(clients.map(prepareBy))
    await Promise.all(clients.map(closeRedis))
    expect(new Set(ids)).toEqual(new Set([RUN]))
    expect(await client.getrangeBuffer(keys.states(RUN), 0, -1)).toEqual(states)
    const recipients = states.reduce((sum, byte) => sum + byte, 0)
    expect(await client.hgetall(keys.counts(RUN))).toEqual({
      recipients: String(recipients),
      pending: String(recipients),
    })
    expect(await client.zcard(keys.agenda(RUN))).toBe(599)
    const report = await campaigns.report('p')
    expect(report?.runs).toEqual([{ id: RUN, at: AT }])
    expect(await campaigns.read(RUN)).toMatchObject({ source: 'p', parent: 'p', chunks: 600, status: 'draft' })
    expect((await campaigns.read(RUN))?.spec.schedule).toBeUndefined()
  })

  test('that broke off in the middle is finished by the next try', async () => {
    await parent()
    const dying = connectRedis(redis.url, 'api', () => {})
    const outcome = prepareBy(dying).then(
      () => 'prepared',
      () => 'broke off',
    )
    // As soon as the first piece is there its process is gone.
    await expect.poll(async () => await client.hget(keys.campaign(RUN), 'copied'), { interval: 1 }).not.toBeNull()
    dying.disconnect()
    expect(await outcome).toBe('broke off')
    await prepareBy(client)
    expect((await client.getrangeBuffer(keys.states(RUN), 0, -1)).length).toBe(300_000)
    expect(await client.hget(keys.counts(RUN), 'recipients')).toBe(await client.hget(keys.counts(RUN), 'pending'))
    expect(await client.hget(keys.campaign(RUN), 'copied')).toBe('300000')
  })

  test('is not touched once it was started or ended', async () => {
    await parent()
    await prepareBy(client)
    await campaigns.move({ id: RUN, from: 'draft', to: 'running' })
    await client.setrange(keys.states(RUN), 0, '\u0005')
    await prepareBy(client)
    expect((await client.getrangeBuffer(keys.states(RUN), 0, 0))[0]).toBe(5)
  })
})
