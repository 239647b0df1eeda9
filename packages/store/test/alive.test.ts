import type { CampaignSpec } from '@chasqui/campaign'
import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { AliveCampaigns } from '../src/alive.ts'
import { Campaigns } from '../src/campaigns.ts'
import { Keys } from '../src/keys.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'

let redis: PrivateRedis
let client: RedisClient
let alive: AliveCampaigns
let campaigns: Campaigns
const keys = new Keys('test')
const NOW = Date.now()
const HOUR = 3_600_000
const SPEC: CampaignSpec = {
  name: 'x',
  sender: 'main',
  template: { name: 't', language: 'en', components: [] },
  sendBy: '2100-01-01T00:00:00Z',
  productPolicy: 'STRICT',
  onUnknown: 'resend',
  priority: 'high',
}

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'api', () => {})
  alive = new AliveCampaigns(client, keys)
  campaigns = new Campaigns(client, keys)
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

beforeEach(async () => {
  await client.flushall()
})

async function running(id: string): Promise<void> {
  await campaigns.create({ id, spec: SPEC, createdAt: 1 })
  await campaigns.enliven(id)
  await campaigns.move({ id, from: 'draft', to: 'running' })
}

const ids = async (): Promise<string[]> => (await alive.list()).map(({ id }) => id)
const stands = async (id: string): Promise<unknown> => {
  const campaign = await campaigns.read(id)
  return [campaign?.status, campaign?.reason]
}

test('those that have not ended are listed, with what a sweeper needs to know', async () => {
  await running('a')
  expect(await alive.list()).toEqual([
    {
      id: 'a',
      sender: 'main',
      status: 'running',
      reason: '',
      template: { name: 't', language: 'en' },
      priority: 'high',
      onUnknown: 'resend',
      notAfter: Date.parse('2100-01-01T00:00:00Z'),
      resumeAt: null,
    },
  ])
})

test('one whose record is gone is passed over', async () => {
  await running('a')
  await running('b')
  await client.del(keys.campaign('a'))
  expect(await ids()).toEqual(['b'])
})

describe('retiring', () => {
  test('takes a campaign off the list and leaves it in sight for six hours', async () => {
    await running('a')
    await alive.retire('a', NOW)
    expect(await ids()).toEqual([])
    expect(await client.zscore(keys.alive(), 'a')).toBe(String(NOW))
    await running('b')
    await alive.retire('b', NOW + 6 * HOUR - 1)
    expect(await client.zrange(keys.alive(), 0, '-1')).toEqual(['a', 'b'])
    await alive.retire('b', NOW + 6 * HOUR)
    expect(await client.zrange(keys.alive(), 0, '-1')).toEqual(['b'])
  })

  test('makes nothing alive that was not', async () => {
    await alive.retire('never', NOW)
    expect(await client.exists(keys.alive())).toBe(0)
  })
})

describe('a hold', () => {
  test('stops a running campaign, once, with its reason', async () => {
    await running('a')
    expect(await alive.hold('a', 'code_132015', null)).toBe(true)
    expect(await alive.hold('a', 'code_100', null)).toBe(false)
    expect(await stands('a')).toEqual(['paused', 'code_132015'])
    expect(await ids()).toEqual(['a'])
  })

  test('of a campaign that does not run changes nothing', async () => {
    await campaigns.create({ id: 'draft', spec: SPEC, createdAt: 1 })
    expect(await alive.hold('draft', 'code_100', null)).toBe(false)
    expect(await alive.hold('nobody', 'code_100', null)).toBe(false)
    expect(await client.exists(keys.campaign('nobody'))).toBe(0)
    expect(await stands('draft')).toEqual(['draft', null])
  })

  test('ends when its time has come, not before, and once', async () => {
    await running('a')
    await alive.hold('a', 'code_134101', NOW + HOUR)
    expect((await alive.list())[0]).toMatchObject({ status: 'paused', resumeAt: NOW + HOUR })
    expect(await alive.endHold('a')).toBe(false)
    await client.hset(keys.campaign('a'), 'resumeAt', String(NOW - 1))
    expect([await alive.endHold('a'), await alive.endHold('a')]).toEqual([true, false])
    expect(await stands('a')).toEqual(['running', null])
    expect((await alive.list())[0]).toMatchObject({ resumeAt: null })
  })

  test('without an end waits for somebody', async () => {
    await running('a')
    await alive.hold('a', 'code_132001', null)
    expect(await alive.endHold('a')).toBe(false)
    expect((await alive.list())[0]?.resumeAt).toBeNull()
  })

  test('that somebody pauses on top does not end by itself any more', async () => {
    await running('a')
    await alive.hold('a', 'code_134101', NOW - 1)
    await campaigns.move({ id: 'a', from: 'paused', to: 'paused', reason: 'api:ana' })
    expect(await alive.endHold('a')).toBe(false)
    expect(await stands('a')).toEqual(['paused', 'api:ana'])
  })

  test('that has no end keeps its reason when somebody pauses on top', async () => {
    await running('a')
    await alive.hold('a', 'code_132001', null)
    await campaigns.move({ id: 'a', from: 'paused', to: 'paused', reason: 'api:ana' })
    expect(await stands('a')).toEqual(['paused', 'code_132001'])
  })

  test('that somebody resumed and paused again does not end by itself', async () => {
    await running('a')
    await alive.hold('a', 'code_134101', NOW - 1)
    await campaigns.move({ id: 'a', from: 'paused', to: 'running' })
    await campaigns.move({ id: 'a', from: 'running', to: 'paused', reason: 'api:ana' })
    expect(await alive.endHold('a')).toBe(false)
  })

  test('of a campaign that was canceled meanwhile is over', async () => {
    await running('a')
    await alive.hold('a', 'code_134101', NOW - 1)
    await campaigns.move({ id: 'a', from: 'paused', to: 'canceled', reason: 'api:ana' })
    expect(await alive.endHold('a')).toBe(false)
    expect(await stands('a')).toEqual(['canceled', 'api:ana'])
  })
})

describe('postponing', () => {
  const agenda = async (): Promise<unknown> => await client.zrange(keys.agenda('a'), 0, '-1', 'WITHSCORES')

  test('moves chunks back in time, and never forward', async () => {
    await client.zadd(keys.agenda('a'), 100, '0', 5_000, '1')
    await alive.postpone('a', [0, 1], 1_000.9)
    expect(await agenda()).toEqual(['0', '1000', '1', '5000'])
  })

  test('puts nothing on the agenda that is off it', async () => {
    await client.zadd(keys.agenda('a'), 100, '0')
    await alive.postpone('a', [0, 7], 1_000)
    await alive.postpone('a', [], 1_000)
    expect(await agenda()).toEqual(['0', '1000'])
  })
})

test('those that may be sent for now are told by their sender', async () => {
  for (const id of ['a', 'b', 'paused', 'barred', 'ended']) await running(id)
  await campaigns.move({ id: 'paused', from: 'running', to: 'paused', reason: 'api' })
  await client.hset(keys.campaign('barred'), 'barredBy', 'somebody')
  await alive.retire('ended', NOW)
  const [bySender] = await alive.running().then((map) => [...map])
  expect([bySender?.[0], bySender?.[1].toSorted((x, y) => x.localeCompare(y))]).toEqual(['main', ['a', 'b']])
})
