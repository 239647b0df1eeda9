import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'

import { tcpProxy } from '@chasqui/harness'
import type { TcpProxy } from '@chasqui/harness'
import { startRedis } from '@chasqui/harness'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { parseApiKeys } from '../src/api-keys.ts'
import { CAMPAIGN, startApi } from './api.ts'
import type { Api } from './api.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

describe('with keys', () => {
  let api: Api

  beforeAll(async () => {
    api = await startApi({ apiKeys: parseApiKeys(`crm:${sha256('secret-1')}, ops:${sha256('secret-2')}`) ?? [] })
  })
  afterAll(async () => {
    await api.stop()
  })

  test.each([
    ['no header', {}],
    ['an unknown key', { authorization: 'Bearer secret-3' }],
    ['another scheme', { authorization: 'Basic secret-1' }],
    ['a digest in place of the key', { authorization: `Bearer ${sha256('secret-1')}` }],
    ['no key at all', { authorization: 'Bearer ' }],
  ])('%s is nobody, on every route alike', async (_name, headers) => {
    const routes = [
      ['POST', '/v1/campaigns'],
      ['GET', '/v1/campaigns'],
      ['GET', '/v1/campaigns/x'],
      ['POST', '/v1/campaigns/x/recipients'],
      ['GET', '/v1/campaigns/x/recipients'],
      ['GET', '/v1/campaigns/x/events'],
      ['POST', '/v1/campaigns/x/launch'],
      ['POST', '/v1/suppressions'],
      ['DELETE', '/v1/suppressions/+5511912345678'],
      ['GET', '/v1/senders'],
      ['POST', '/v1/senders/x/pause'],
      ['GET', '/v1/sending'],
      ['POST', '/v1/sending/stop'],
      ['POST', '/v1/sending/start'],
      ['POST', '/v1/sending/release'],
    ] as const
    for (const [method, path] of routes) {
      const answer = await api.call(method, path, undefined, headers)
      expect([answer.status, answer.body.code, answer.headers.get('www-authenticate')]).toEqual([
        401,
        'unauthorized',
        'Bearer',
      ])
    }
  })

  test('a known key is let in and named where it pauses something', async () => {
    const crm = { authorization: 'Bearer secret-1' }
    const created = await api.call('POST', '/v1/campaigns', CAMPAIGN, crm)
    const id = created.body.id
    await api.call('POST', `/v1/campaigns/${id}/recipients`, 'to,first_name\n+5511912345678,Ana\n', {
      ...crm,
      'content-type': 'text/csv',
    })
    await api.call('POST', `/v1/campaigns/${id}/launch`, undefined, crm)
    expect(
      (await api.call('POST', `/v1/campaigns/${id}/pause`, undefined, { authorization: 'Bearer secret-2' })).body,
    ).toMatchObject({ reason: 'api:ops' })
  })

  test('one caller does not meet the Idempotency-Key of another', async () => {
    const one = await api.call('POST', '/v1/campaigns', CAMPAIGN, {
      authorization: 'Bearer secret-1',
      'idempotency-key': 'k',
    })
    const other = await api.call(
      'POST',
      '/v1/campaigns',
      { ...CAMPAIGN, name: 'y' },
      { authorization: 'Bearer secret-2', 'idempotency-key': 'k' },
    )
    expect([one.status, other.status]).toEqual([201, 201])
    expect(other.body.id).not.toBe(one.body.id)
  })

  test('the description of the API is open', async () => {
    expect((await api.call('GET', '/openapi.json')).status).toBe(200)
  })
})

describe('when Redis is away', { timeout: 60_000 }, () => {
  let api: Api
  let wire: TcpProxy

  beforeAll(async () => {
    // The API's own Redis stays unused: it talks to this one through a wire that can be broken.
    const redis = await startRedis()
    wire = await tcpProxy(redis.url)
    api = await startApi({ redisUrl: wire.url })
    return async () => await redis.stop()
  })
  afterAll(async () => {
    await api.stop()
    await wire.close()
  })

  test('every call says so in time, and what was asked is whole or not at all', async () => {
    const id = await api.create()
    await api.upload(id, 'to,first_name\n+5511912345678,Ana\n')
    wire.refuse()
    wire.cut()
    const asked = [
      await api.call('POST', '/v1/campaigns', CAMPAIGN, { 'idempotency-key': 'away' }),
      await api.call('GET', `/v1/campaigns/${id}`),
      await api.call('POST', `/v1/campaigns/${id}/launch`),
      await api.upload(id, 'to,first_name\n+5511912345679,Bo\n'),
      await api.call('POST', '/v1/suppressions', ['+5511912345678']),
      await api.call('GET', '/v1/senders'),
    ]
    for (const answer of asked) {
      expect([answer.status, answer.body.code]).toEqual([503, 'store_unavailable'])
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(answer.headers.get('content-type')).toContain('application/problem+json')
    }
    wire.heal()
    await expect.poll(async () => (await api.call('GET', `/v1/campaigns/${id}`)).status, { timeout: 10_000 }).toBe(200)
    expect((await api.call('GET', `/v1/campaigns/${id}`)).body).toMatchObject({
      status: 'draft',
      counts: { recipients: 1 },
    })
    expect((await api.call('GET', '/v1/suppressions/+5511912345678')).status).toBe(404)
    expect((await api.call('POST', '/v1/campaigns', CAMPAIGN, { 'idempotency-key': 'away' })).status).toBe(201)
    expect((await api.upload(id, 'to,first_name\n+5511912345679,Bo\n')).body).toMatchObject({ accepted: 1 })
    expect((await api.call('POST', `/v1/campaigns/${id}/launch`)).body).toMatchObject({ status: 'running' })
  })

  test('in the middle of an upload, what was stored stays and the rest can be sent again', async () => {
    const id = await api.create()
    const rows = Array.from({ length: 60_000 }, (_, index) => `+4479110${String(index).padStart(5, '0')},Name ${index}`)
    const csv = `to,first_name\n${rows.join('\n')}\n`
    // Some batches' commands pass whole, one is torn.
    wire.cutAfterRequestBytes(1_000_000)
    const torn = await api.upload(id, csv)
    wire.heal()
    if (torn.status !== 200) expect(torn.body).toMatchObject({ status: 503, code: 'store_unavailable' })
    await expect.poll(async () => (await api.call('GET', `/v1/campaigns/${id}`)).status, { timeout: 10_000 }).toBe(200)
    const again = await api.upload(id, csv)
    expect(again.body.accepted + again.body.duplicates).toBe(60_000)
    expect((await api.call('GET', `/v1/campaigns/${id}`)).body.counts).toMatchObject({
      recipients: 60_000,
      pending: 60_000,
    })
  })

  test('a silent Redis is given up within seconds', async () => {
    wire.blackHole()
    const began = performance.now()
    const answer = await api.call('GET', '/v1/campaigns/any')
    expect([answer.status, answer.body.code]).toEqual([503, 'store_unavailable'])
    expect(performance.now() - began).toBeLessThan(8_000)
    wire.heal()
  })
})

describe('what is not to be trusted', () => {
  let api: Api
  beforeAll(async () => {
    api = await startApi()
  })
  afterAll(async () => {
    await api.stop()
  })

  test.each(['__proto__', 'constructor', 'a{b}', '*', '..%2f..', '%00', 'a'.repeat(150)])(
    'a campaign id like %j reaches no key',
    async (id) => {
      const answer = await api.call('GET', `/v1/campaigns/${id}`)
      expect([400, 404]).toContain(answer.status)
      expect(answer.body).toHaveProperty('code')
    },
  )

  test('bodies that would poison a prototype are refused', async () => {
    const answer = await api.call('POST', '/v1/campaigns', '{"name":"x","constructor":{"prototype":{"y":1}}}', {
      'content-type': 'application/json',
    })
    expect(answer.status).toBe(400)
    expect(({} as Record<string, unknown>)['y']).toBeUndefined()
  })

  test('deeply nested JSON is answered, not crashed upon', async () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
    expect((await api.call('POST', '/v1/campaigns', deep, { 'content-type': 'application/json' })).status).toBe(400)
    const id = await api.create()
    const uploaded = await api.call('POST', `/v1/campaigns/${id}/recipients`, `[${deep}]`, {
      'content-type': 'application/json',
    })
    expect([200, 400]).toContain(uploaded.status)
    expect((await api.call('GET', `/v1/campaigns/${id}`)).status).toBe(200)
  })

  test('errors carry no stack and no path of ours', async () => {
    await api.client.set(api.keys.campaign('broken'), 'not a hash')
    const answer = await api.call('GET', '/v1/campaigns/broken')
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal_error' } })
    expect(answer.text).not.toMatch(/WRONGTYPE|\.ts|at /)
  })

  test('headers that never end are not waited for', async () => {
    const socket = connect(api.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write('POST /v1/campaigns HTTP/1.1\r\nhost: x\r\n')
    let answer = ''
    socket.on('data', (piece) => (answer += piece.toString()))
    await once(socket, 'close')
    expect(answer).toContain('408')
  }, 60_000)
})
