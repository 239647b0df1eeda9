import type { CampaignSpec } from '@chasqui/campaign'
import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { AliveCampaigns } from '../src/alive.ts'
import { Campaigns } from '../src/campaigns.ts'
import { Keys } from '../src/keys.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'
import { TemplateStandings } from '../src/template-standing.ts'
import type { TemplateAspect } from '../src/template-standing.ts'

let redis: PrivateRedis
let client: RedisClient
let standings: TemplateStandings
const keys = new Keys('test')
const TEMPLATE = { wabaId: '7', name: 'sale', language: 'pt_BR' }
const SPEC: CampaignSpec = {
  name: 'x',
  sender: 'main',
  template: { name: 'sale', language: 'pt_BR', components: [] },
  productPolicy: 'STRICT',
  onUnknown: 'keep',
  priority: 'normal',
}

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'api', () => {})
  standings = new TemplateStandings(client, keys)
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

beforeEach(async () => {
  await client.flushall()
  const campaigns = new Campaigns(client, keys)
  await campaigns.create({ id: 'c', spec: SPEC, createdAt: 1 })
  await campaigns.move({ id: 'c', from: 'draft', to: 'running' })
})

async function said(word: 'stop' | 'resume', at: number, aspect: TemplateAspect = 'status'): Promise<void> {
  await standings.hear(TEMPLATE, { aspect, word, at }, ['c'])
}

async function standing(): Promise<(string | null)[]> {
  return await client.hmget(keys.campaign('c'), 'status', 'reason')
}

describe('a campaign whose template was stopped', () => {
  test('before it ran is held, and goes on when the template is good again', async () => {
    await standings.hear(TEMPLATE, { aspect: 'status', word: 'stop', at: 10 }, [])
    expect(await standing()).toEqual(['running', ''])
    expect(await standings.settle('c', { ...TEMPLATE, language: 'pt-BR' })).toBe('held')
    expect(await standing()).toEqual(['paused', 'template_stopped'])
    expect(await standings.settle('c', TEMPLATE)).toBe('as_it_was')
    // The crash came between the word and its deed: whoever looks next makes it good.
    await standings.hear(TEMPLATE, { aspect: 'status', word: 'resume', at: 11 }, [])
    expect(await standings.settle('c', TEMPLATE)).toBe('released')
    expect(await standing()).toEqual(['running', ''])
  })

  test('of another account, name or language is not touched', async () => {
    for (const other of [{ wabaId: '8' }, { name: 'other' }, { language: 'pt_PT' }])
      await standings.hear({ ...TEMPLATE, ...other }, { aspect: 'status', word: 'stop', at: 10 }, [])
    expect(await standings.settle('c', TEMPLATE)).toBe('as_it_was')
  })

  test('for two reasons goes on when both are gone', async () => {
    await said('stop', 10, 'quality')
    expect(await standing()).toEqual(['paused', 'template_quality'])
    await said('stop', 11, 'category')
    await said('resume', 12, 'quality')
    expect((await standing())[0]).toBe('paused')
    await said('resume', 13, 'category')
    expect(await standing()).toEqual(['running', ''])
  })

  test('is held again by nothing older than an operator’s word', async () => {
    await said('stop', 10)
    await standings.overrule(TEMPLATE, 20)
    await said('stop', 10)
    expect(await standings.settle('c', TEMPLATE)).toBe('released')
    await said('stop', 21)
    expect(await standing()).toEqual(['paused', 'template_stopped'])
  })
})

describe('a hold of another making', () => {
  test.each(['code_132015', 'code_132016', 'code_132001'])(
    'by the answer %s ends with good news of the template',
    async (reason) => {
      await new AliveCampaigns(client, keys).hold('c', reason, null)
      await said('resume', 10, 'quality')
      expect(await standing()).toEqual(['paused', reason])
      expect(await standings.settle('c', TEMPLATE)).toBe('as_it_was')
      await said('resume', 10)
      expect(await standing()).toEqual(['running', ''])
    },
  )

  test.each(['code_131055', 'api:ops', ''])('%s stays', async (reason) => {
    await client.hset(keys.campaign('c'), { status: 'paused', reason })
    await said('stop', 10)
    await said('resume', 11)
    expect(await standing()).toEqual(['paused', reason])
  })
})
