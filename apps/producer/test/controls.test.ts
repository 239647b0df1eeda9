import { createHash } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { parseApiKeys } from '../src/api-keys.ts'
import { startApi } from './api.ts'
import type { Answer, Api } from './api.ts'

const OPS = { authorization: 'Bearer secret' }
const ROWS = 'to,first_name\n+5511912345678,Ana\n+5511912345679,Zé\n'
const DATE = expect.stringMatching(/^20\d\d-.*Z$/) as string

let api: Api
beforeAll(async () => {
  const digest = createHash('sha256').update('secret').digest('hex')
  api = await startApi({ apiKeys: parseApiKeys(`ops:${digest}`) ?? [] })
})
afterAll(async () => {
  await api.stop()
})

const call = async (method: string, path: string, body?: unknown): Promise<Answer> =>
  await api.call(method, path, body, OPS)

async function runningCampaign(): Promise<string> {
  const { id } = (
    await call('POST', '/v1/campaigns', {
      name: 'x',
      sender: 'main-br',
      template: {
        name: 't',
        language: 'en',
        components: [{ type: 'body', parameters: [{ type: 'text', text: '{{first_name}}' }] }],
      },
    })
  ).body
  await api.call('POST', `/v1/campaigns/${id}/recipients`, ROWS, { ...OPS, 'content-type': 'text/csv' })
  await call('POST', `/v1/campaigns/${id}/launch`)
  return id
}

async function barredBy(id: string): Promise<string | null> {
  return await api.client.hget(api.keys.campaign(id), 'barredBy')
}

describe('pausing a sender', () => {
  test('shows who paused it and why, bars its campaigns, also those launched later, and is done once', async () => {
    const before = await runningCampaign()
    await api.client.hset(api.keys.counts(before), 'sending', '7')
    const paused = await call('POST', '/v1/senders/main-br/pause', { reason: 'complaints' })
    expect(paused.status).toBe(200)
    const why = [{ reason: 'paused', detail: 'complaints', by: 'api:ops', since: DATE, until: null }]
    expect(paused.body).toMatchObject({ id: 'main-br', state: 'paused', why, inFlight: 7 })
    expect((await call('POST', '/v1/senders/main-br/pause')).body).toMatchObject({ state: 'paused', why })
    const { senders } = (await call('GET', '/v1/senders')).body
    expect(senders[0]).toMatchObject({ id: 'main-br', state: 'paused', why })
    const after = await runningCampaign()
    expect([await barredBy(before), await barredBy(after)]).toEqual([expect.any(String), expect.any(String)])
    expect((await call('GET', `/v1/campaigns/${after}`)).body).toMatchObject({
      status: 'running',
      forecast: { finishAt: null, limitedBy: 'sender_blocked' },
    })

    const resumed = await call('POST', '/v1/senders/main-br/resume')
    expect([resumed.status, resumed.body]).toMatchObject([200, { state: 'ok', why: [] }])
    expect([await barredBy(before), await barredBy(after)]).toEqual([null, null])
    expect((await call('POST', '/v1/senders/main-br/resume')).status).toBe(200)
  })

  test('leaves other blocks of the sender, and what a broken-off resumption left is made good', async () => {
    const id = await runningCampaign()
    const block = { since: Date.now(), until: null, code: 190, detail: 'token' }
    await api.context.senders.block('main-br', 'code_190', block)
    await call('POST', '/v1/senders/main-br/pause', { reason: 'token' })
    await api.client.hdel(api.keys.blocks('main-br'), 'paused')
    await api.context.control.reconcile()
    expect(await barredBy(id)).toBeNull()
    const { body } = await call('POST', '/v1/senders/main-br/resume')
    expect(body).toMatchObject({ state: 'blocked', why: [{ reason: 'code_190', by: null }] })
    await api.context.senders.unblock('main-br', 'code_190')
  })

  test.each([
    ['POST', '/v1/senders/nobody/pause', undefined, 404, 'sender_not_found'],
    ['POST', '/v1/senders/nobody/resume', undefined, 404, 'sender_not_found'],
    ['POST', '/v1/senders/main-br/pause', { reason: '' }, 400, 'invalid_request'],
    ['POST', '/v1/senders/main-br/pause', { why: 'x' }, 400, 'invalid_request'],
    ['POST', '/v1/sending/stop', { reason: 'x'.repeat(301) }, 400, 'invalid_request'],
    ['POST', '/v1/campaigns/nope/recount', undefined, 404, 'campaign_not_found'],
  ])('%s %s %j is refused with %i %s', async (method, path, body, status, code) => {
    const answer = await call(method, path, body)
    expect([answer.status, answer.body.code]).toEqual([status, code])
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json\b/)
  })
})

describe('stopping everything', () => {
  test('says who and why to whoever asks, until it is started again; each is done once', async () => {
    const id = await runningCampaign()
    await api.client.hset(api.keys.counts(id), 'sending', '3')
    expect((await call('GET', '/v1/sending')).body).toEqual({
      state: 'on',
      stopped: null,
      quarantine: null,
      lastRelease: null,
    })
    const stopped = await call('POST', '/v1/sending/stop', { reason: 'wrong list' })
    const order = { reason: 'wrong list', by: 'api:ops', since: DATE }
    expect([stopped.status, stopped.body]).toMatchObject([200, { state: 'stopped', stopped: order }])
    expect((stopped.body as unknown as { inFlight: number }).inFlight).toBeGreaterThanOrEqual(3)
    expect((await call('POST', '/v1/sending/stop', { reason: 'again' })).body).toMatchObject({ stopped: order })
    expect((await call('GET', '/v1/sending')).body).toMatchObject({ state: 'stopped', stopped: order })
    for (let twice = 0; twice < 2; twice++)
      expect((await call('POST', '/v1/sending/start')).body).toMatchObject({ state: 'on', stopped: null })
  })

  test('a quarantine shows why and who saw it; its release who and why, and stays on record', async () => {
    expect((await call('POST', '/v1/sending/release')).body).toMatchObject({ state: 'on', lastRelease: null })
    await api.context.heart.quarantine('Redis has gone backwards')
    const quarantine = { reason: 'Redis has gone backwards', by: 'producer', since: DATE }
    expect((await call('GET', '/v1/sending')).body).toMatchObject({ state: 'quarantined', quarantine })
    expect((await call('POST', '/v1/sending/start')).body).toMatchObject({ state: 'quarantined' })
    const lastRelease = { reason: 'webhooks are in', by: 'api:ops', at: DATE, quarantine: 'Redis has gone backwards' }
    const released = await call('POST', '/v1/sending/release', { reason: 'webhooks are in' })
    expect(released.body).toMatchObject({ state: 'on', quarantine: null, lastRelease })
    expect((await call('POST', '/v1/sending/release', { reason: 'twice' })).body).toMatchObject({ lastRelease })
    expect((await api.context.heart.beat(null)).epoch).toBe(1)
  })
})

describe('recounting', () => {
  test('says that all is well, or which counters differ and by how much, and leaves nothing behind', async () => {
    const id = await runningCampaign()
    expect((await call('POST', `/v1/campaigns/${id}/recount`)).body).toEqual({
      campaign: id,
      equal: true,
      differences: [],
    })
    await api.client.hincrby(api.keys.counts(id), 'pending', 5)
    await api.client.hincrby(api.keys.counts(id), 'delivery:read', 1)
    expect((await call('POST', `/v1/campaigns/${id}/recount`)).body).toEqual({
      campaign: id,
      equal: false,
      differences: [
        { field: 'pending', counted: 7, inLedger: 2 },
        { field: 'delivery:read', counted: 1, inLedger: 0 },
      ],
    })
    expect(await api.client.keys('*:copy:*')).toEqual([])
  })

  test('counts a million recipients in pieces', async () => {
    const id = await runningCampaign()
    const states = Buffer.alloc(1_000_000, 5 + 16)
    await api.client.set(api.keys.states(id), states)
    await api.client.set(api.keys.facts(id), Buffer.alloc(700_000, 1))
    await api.client.hset(api.keys.counts(id), {
      recipients: 1_000_000,
      accepted: 1_000_000,
      pending: 0,
      'delivery:sent': 700_000,
    })
    const { body } = await call('POST', `/v1/campaigns/${id}/recount`)
    expect(body).toMatchObject({ equal: true })
  })
})

describe('what is kept no longer', () => {
  test('recipients that are deleted are 410, while the report stays; a campaign that is gone is 404 everywhere', async () => {
    const id = await runningCampaign()
    expect((await call('GET', `/v1/campaigns/${id}`)).body).toMatchObject({ recipientsUntil: null })
    await api.client.hset(api.keys.campaign(id), 'recipientsUntil', Date.now() + 60_000)
    expect((await call('GET', `/v1/campaigns/${id}/recipients`)).status).toBe(200)
    await api.client.hset(api.keys.campaign(id), 'recipientsUntil', Date.now() - 1)
    const gone = await call('GET', `/v1/campaigns/${id}/recipients`)
    expect([gone.status, gone.body]).toMatchObject([410, { code: 'recipients_gone', recipientsUntil: DATE }])
    expect((await call('GET', `/v1/campaigns/${id}`)).body).toMatchObject({ id, recipientsUntil: DATE })

    await api.client.del(...(await api.client.keys(`*{c:${id}}*`)))
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/recipients'],
      ['GET', '/events'],
      ['POST', '/launch'],
      ['POST', '/cancel'],
      ['POST', '/recount'],
    ] as const) {
      const answer = await call(method, `/v1/campaigns/${id}${path}`)
      expect([path, answer.status, answer.body.code]).toEqual([path, 404, 'campaign_not_found'])
    }
    const { campaigns } = (await call('GET', '/v1/campaigns')).body
    expect(campaigns.map((campaign) => campaign.id)).not.toContain(id)
    expect((await call('POST', '/v1/senders/main-br/pause')).status).toBe(200)
    expect((await call('POST', '/v1/senders/main-br/resume')).status).toBe(200)
  })
})
