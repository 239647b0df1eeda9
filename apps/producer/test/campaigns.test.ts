import { explain } from '@chasqui/delivery'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { campaignAnswer, campaignList, problemAnswer } from '../src/routes/schemas.ts'
import { CAMPAIGN, startApi } from './api.ts'
import type { Api } from './api.ts'

let api: Api

beforeAll(async () => {
  api = await startApi()
})

afterAll(async () => {
  await api.stop()
})

describe('creating a campaign', () => {
  test('answers the draft, as described, and where it is', async () => {
    const created = await api.call('POST', '/v1/campaigns', CAMPAIGN)
    expect(created.status).toBe(201)
    expect(campaignAnswer.strict().safeParse(created.body).error).toBeUndefined()
    expect(created.headers.get('location')).toBe(`/v1/campaigns/${created.body.id}`)
    expect(created.body).toMatchObject({
      name: CAMPAIGN.name,
      status: 'draft',
      reason: null,
      counts: { recipients: 0, pending: 0 },
    })
    const read = await api.call('GET', `/v1/campaigns/${created.body.id}`)
    expect(read.body).toEqual(created.body)
  })

  test('fifty times at once under one key makes one campaign and one answer', async () => {
    const before = await api.client.zcard(api.keys.campaigns())
    const answers = await Promise.all(
      Array.from(
        { length: 50 },
        async () => await api.call('POST', '/v1/campaigns', CAMPAIGN, { 'idempotency-key': 'fifty' }),
      ),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect(await api.client.zcard(api.keys.campaigns())).toBe(before + 1)
  })

  test('again under its key, later and spaced differently, gives the same answer', async () => {
    const key = { 'idempotency-key': 'again', 'content-type': 'application/json' }
    const first = await api.call('POST', '/v1/campaigns', JSON.stringify(CAMPAIGN), key)
    await api.upload(first.body.id, 'to,first_name\n+5511912345678,Ana\n')
    await api.call('POST', `/v1/campaigns/${first.body.id}/launch`)
    const second = await api.call('POST', '/v1/campaigns', JSON.stringify(CAMPAIGN, null, 2), key)
    expect([second.status, second.text]).toEqual([201, first.text])
  })

  test('with another body under the same key is refused, and changes nothing', async () => {
    const key = { 'idempotency-key': 'conflict' }
    const first = await api.call('POST', '/v1/campaigns', CAMPAIGN, key)
    const before = await api.client.zcard(api.keys.campaigns())
    const second = await api.call('POST', '/v1/campaigns', { ...CAMPAIGN, name: 'another' }, key)
    expect(second.status).toBe(409)
    expect(second.body).toMatchObject({ code: 'idempotency_key_reused', campaign: first.body.id })
    expect(await api.client.zcard(api.keys.campaigns())).toBe(before)
    expect((await api.call('GET', `/v1/campaigns/${first.body.id}`)).body.name).toBe(CAMPAIGN.name)
  })

  test('whose creation broke off half-way is finished by the next try', async () => {
    const key = { 'idempotency-key': 'half' }
    const first = await api.call('POST', '/v1/campaigns', CAMPAIGN, key)
    // As if the process had died between reserving the key and writing the campaign.
    await api.client.del(api.keys.campaign(first.body.id))
    const second = await api.call('POST', '/v1/campaigns', CAMPAIGN, key)
    expect(second.text).toBe(first.text)
    expect((await api.call('GET', `/v1/campaigns/${first.body.id}`)).status).toBe(200)
  })

  test.each([
    [{ ...CAMPAIGN, priority: 'urgent' }, 'invalid_request', ['/priority']],
    [{ ...CAMPAIGN, sendby: '2026-11-27T23:59:00-03:00' }, 'invalid_request', ['/sendby']],
    [{ ...CAMPAIGN, sender: 'nobody' }, 'unknown_sender', ['/sender']],
    [{ ...CAMPAIGN, template: { ...CAMPAIGN.template, language: 7 } }, 'invalid_request', ['/template/language']],
    [{ name: 'x' }, 'invalid_request', ['/sender', '/template']],
    [[], 'invalid_request', ['']],
    ['{"name":', 'malformed_json', undefined],
    ['{"__proto__":{"x":1}}', 'malformed_json', undefined],
  ])('%j is refused with a problem that names the field', async (body, code, pointers) => {
    const refused = await api.call('POST', '/v1/campaigns', body, { 'content-type': 'application/json' })
    expect(refused.status).toBe(400)
    expect(refused.headers.get('content-type')).toContain('application/problem+json')
    expect(problemAnswer.safeParse(refused.body).error).toBeUndefined()
    expect(refused.body).toMatchObject({ status: 400, code })
    expect(refused.body.errors?.map(({ pointer }) => pointer)).toEqual(pointers)
  })

  test('of another content type, or too large, is refused', async () => {
    expect((await api.call('POST', '/v1/campaigns', 'name=x', { 'content-type': 'text/plain' })).body).toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
    })
    expect((await api.call('POST', '/v1/campaigns', { name: 'x'.repeat(300_000) })).body).toMatchObject({
      status: 413,
      code: 'body_too_large',
    })
  })
})

describe('reading', () => {
  test('a campaign that is not there is a problem', async () => {
    expect((await api.call('GET', '/v1/campaigns/nope')).body).toMatchObject({
      status: 404,
      code: 'campaign_not_found',
    })
    expect((await api.call('GET', '/v1/campaigns/NOPE%7B')).body).toMatchObject({
      status: 400,
      errors: [{ parameter: 'id' }],
    })
    expect((await api.call('GET', '/v1/nothing')).body).toMatchObject({ status: 404, code: 'not_found' })
  })

  test('the list goes by pages and statuses', async () => {
    const one = await api.create()
    const two = await api.create()
    const page = await api.call('GET', '/v1/campaigns?limit=2')
    expect(campaignList.safeParse(page.body).error).toBeUndefined()
    expect(new Set(page.body.campaigns.map(({ id }) => id))).toEqual(new Set([one, two]))
    const next = await api.call('GET', `/v1/campaigns?limit=2&cursor=${page.body.cursor}`)
    expect(next.body.campaigns.map(({ id }) => id)).not.toContain(one)
    expect((await api.call('GET', '/v1/campaigns?status=canceled')).body.campaigns).toEqual([])
    expect((await api.call('GET', '/v1/campaigns?status=lost')).body.errors).toMatchObject([{ parameter: 'status' }])
    expect((await api.call('GET', '/v1/campaigns?cursor=x')).body.errors).toMatchObject([{ parameter: 'cursor' }])
    expect((await api.call('GET', '/v1/campaigns?page=2')).body.errors).toMatchObject([{ parameter: 'page' }])
  })

  test('every number of the report is where the contract says', async () => {
    const id = await api.create()
    await api.client.hset(api.keys.counts(id), {
      recipients: '10',
      pending: '3',
      accepted: '5',
      rejected: '2',
      'delivery:sent': '5',
      'delivery:read': '1',
      'route:marketing': '2',
      'error:131026': '2',
      'intake:rows': '12',
      'intake:rejected:too_short': '2',
    })
    const { body } = await api.call('GET', `/v1/campaigns/${id}`)
    expect(body).toMatchObject({
      counts: {
        recipients: 10,
        pending: 3,
        sending: 0,
        accepted: 5,
        unknown: 0,
        rejected: 2,
        expired: 0,
        suppressed: 0,
        canceled: 0,
      },
      delivery: { sent: 5, delivered: 0, read: 1, failed: 0, undelivered: 0, held: 0 },
      errors: { '131026': 2 },
      failures: [{ code: 131026, count: 2, ...explain(131_026) }],
      // Nobody has told this producer what messages cost.
      cost: { currency: null, amount: null, billable: 0, unpriced: 0, items: [] },
      route: { marketing_lite: 0, marketing: 2 },
      intake: { rows: 12, rejected: 2, reasons: { too_short: 2 } },
    })
  })
})

describe('orders', () => {
  async function ready(change: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const id = await api.create(change)
    await api.upload(id, 'to,first_name\n+5511912345678,Ana\n+5511912345679,Bo\n')
    return id
  }

  test('launch starts it and brings its chunks to the workers, once', async () => {
    const id = await ready()
    const launched = await api.call('POST', `/v1/campaigns/${id}/launch`)
    expect(launched.status).toBe(200)
    expect(launched.body).toMatchObject({ status: 'running', inFlight: 0, counts: { recipients: 2, pending: 2 } })
    expect(launched.body.forecast).toMatchObject({ limitedBy: 'sender_rate' })
    expect(await api.client.zscore(api.keys.alive(), id)).toBe('inf')
    expect(await api.client.exists(`test:{send-main-br}:${id}.0`)).toBe(1)
    expect((await api.call('POST', `/v1/campaigns/${id}/launch`)).body).toMatchObject({
      status: 'running',
      launchedAt: launched.body.launchedAt,
    })
  })

  test('launch without recipients, or after its time, is refused and leaves a draft', async () => {
    const empty = await api.create()
    expect((await api.call('POST', `/v1/campaigns/${empty}/launch`)).body).toMatchObject({
      status: 409,
      code: 'campaign_empty',
    })
    expect(await api.client.zscore(api.keys.alive(), empty)).toBeNull()
    const late = await ready({ sendBy: '2020-01-01T00:00:00Z' })
    expect((await api.call('POST', `/v1/campaigns/${late}/launch`)).body).toMatchObject({
      status: 409,
      code: 'campaign_expired',
      notAfter: '2020-01-01T00:00:00.000Z',
    })
    expect((await api.call('GET', `/v1/campaigns/${late}`)).body.status).toBe('draft')
  })

  test('pause, resume and cancel are answered by what holds from then on', async () => {
    const id = await ready()
    expect((await api.call('POST', `/v1/campaigns/${id}/pause`)).body).toMatchObject({
      status: 409,
      code: 'wrong_status',
      campaignStatus: 'draft',
    })
    await api.call('POST', `/v1/campaigns/${id}/launch`)
    await api.client.hincrby(api.keys.counts(id), 'sending', 3)
    expect((await api.call('POST', `/v1/campaigns/${id}/pause`)).body).toMatchObject({
      status: 'paused',
      reason: 'api:local',
      inFlight: 3,
      forecast: { finishAt: null, limitedBy: 'paused' },
    })
    expect((await api.call('POST', `/v1/campaigns/${id}/launch`)).body.code).toBe('wrong_status')
    expect((await api.call('POST', `/v1/campaigns/${id}/resume`)).body).toMatchObject({
      status: 'running',
      reason: null,
    })
    expect((await api.call('POST', `/v1/campaigns/${id}/cancel`)).body).toMatchObject({
      status: 'canceled',
      inFlight: 3,
    })
    expect((await api.call('POST', `/v1/campaigns/${id}/cancel`)).status).toBe(200)
    expect((await api.call('POST', `/v1/campaigns/${id}/resume`)).body.code).toBe('wrong_status')
    expect((await api.upload(id, 'to,first_name\n+5511912345670,Cy\n')).body).toMatchObject({
      status: 409,
      code: 'campaign_not_open',
      campaignStatus: 'canceled',
    })
  })

  test('an order with an empty JSON body is an order', async () => {
    const id = await ready()
    expect(
      (await api.call('POST', `/v1/campaigns/${id}/launch`, '', { 'content-type': 'application/json' })).status,
    ).toBe(200)
  })
})

describe('the API describes itself', () => {
  test('as OpenAPI 3.1 with every call', async () => {
    const { body } = await api.call('GET', '/openapi.json')
    expect(body.openapi).toBe('3.1.0')
    expect(
      Object.entries(body.paths)
        .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`))
        .sort(),
    ).toEqual([
      'DELETE /v1/senders/{id}/blocks/{reason}',
      'DELETE /v1/suppressions/{phone}',
      'GET /v1/campaigns',
      'GET /v1/campaigns/{id}',
      'GET /v1/campaigns/{id}/events',
      'GET /v1/campaigns/{id}/recipients',
      'GET /v1/senders',
      'GET /v1/sending',
      'GET /v1/suppressions/{phone}',
      'POST /v1/campaigns',
      'POST /v1/campaigns/{id}/cancel',
      'POST /v1/campaigns/{id}/launch',
      'POST /v1/campaigns/{id}/pause',
      'POST /v1/campaigns/{id}/recipients',
      'POST /v1/campaigns/{id}/recount',
      'POST /v1/campaigns/{id}/resume',
      'POST /v1/senders/{id}/pause',
      'POST /v1/senders/{id}/resume',
      'POST /v1/sending/release',
      'POST /v1/sending/start',
      'POST /v1/sending/stop',
      'POST /v1/suppressions',
    ])
    expect(body.paths['/v1/campaigns']?.['post']).toMatchObject({
      requestBody: {
        content: { 'application/json': { schema: { properties: { template: { required: ['name', 'language'] } } } } },
      },
    })
  })

  test('and as pages', async () => {
    expect((await api.call('GET', '/docs')).status).toBe(200)
  })
})
