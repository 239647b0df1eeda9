import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'

import { memoryShare } from '@chasqui/store'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { startApi } from './api.ts'
import type { Answer, Api } from './api.ts'

const MEGABYTE = 1_048_576
const MAX = 40 * MEGABYTE
const BALLAST = 'ballast'
let pieces = 0

let api: Api
beforeAll(async () => {
  api = await startApi({ redisConfig: { maxmemory: `${MAX}` } })
})
afterEach(async () => {
  await api.client.unlink(BALLAST)
})
afterAll(async () => {
  await api.stop()
})

/** Fill Redis up to some share of what it may take, in pieces: one large string would take more than it is long. */
async function fill(share: number): Promise<void> {
  while (((await memoryShare(api.client)) ?? 1) < share)
    await api.client.hset(BALLAST, String(pieces++), Buffer.alloc(200_000))
}

/** Asked again until Redis' fill is noticed: it is looked at once a second. */
async function until(ask: () => Promise<Answer>, status: number): Promise<Answer> {
  let answer = await ask()
  await expect.poll(async () => (answer = await ask()).status, { timeout: 5_000, interval: 100 }).toBe(status)
  return answer
}

const csv = (rows: number, from: number): string =>
  Array.from({ length: rows }, (_, row) => `+55119${String(50_000_000 + from + row)},Ana\n`).join('')

describe('a Redis that is nearly full', () => {
  test('takes no new campaign and no recipients, but opt-outs and orders; and takes them again when there is room', async () => {
    const id = await api.create()
    expect((await api.upload(id, `to,first_name\n${csv(2, 0)}`)).status).toBe(200)
    await fill(0.9)
    const create = async (): Promise<Answer> =>
      await api.call('POST', '/v1/campaigns', {
        name: 'x',
        sender: 'main-br',
        template: { name: 't', language: 'en', components: [] },
      })
    const refused = await until(create, 503)
    expect([refused.body.code, refused.headers.get('retry-after')]).toEqual(['store_full', '60'])
    expect(refused.text).toMatch(/"detail":"Redis is 9\d % full, and from 85 % on nothing new is taken in/)
    const upload = await api.upload(id, `to,first_name\n${csv(2, 10)}`)
    expect([upload.status, upload.body.code, upload.headers.get('retry-after')]).toEqual([503, 'store_full', '60'])
    expect((await api.call('POST', '/v1/suppressions', ['+5511912345678'])).body.accepted).toBe(1)
    expect((await api.call('POST', `/v1/campaigns/${id}/launch`)).body.status).toBe('running')
    expect((await api.call('POST', `/v1/campaigns/${id}/pause`)).body.status).toBe('paused')
    expect((await api.context.metrics.refused.get()).values[0]?.value).toBeGreaterThanOrEqual(2)
    await api.client.del(BALLAST)
    await until(create, 201)
  })

  test('ends an upload that is under way: what was stored is told and stays, and the same body later adds the rest', async () => {
    const id = await api.create()
    await until(async () => await api.upload(id, `to,first_name\n${csv(1, 900)}`), 200)
    const upload = httpRequest({
      port: api.port,
      method: 'POST',
      path: `/v1/campaigns/${id}/recipients`,
      headers: { 'content-type': 'text/csv' },
    })
    upload.on('error', () => {})
    const answered = once(upload, 'response') as Promise<[IncomingMessage]>
    const ended = new AbortController()
    void answered.then(() => ended.abort())
    const stored = async (): Promise<number> => Number(await api.client.hget(api.keys.counts(id), 'recipients'))
    upload.write('to,first_name\n')
    let filled = false
    for (let from = 1_000; !ended.signal.aborted && from < 400_000; from += 4_000) {
      upload.write(csv(4_000, from))
      await new Promise((resolve) => setTimeout(resolve, 20))
      if (filled || (await stored()) === 1) continue
      await fill(0.9)
      filled = true
    }
    upload.end()
    const [response] = await answered
    const body = (await json(response)) as { code: string; accepted: number }
    expect([response.statusCode, body.code]).toEqual([503, 'store_full'])
    expect(await stored()).toBe(body.accepted + 1)
    expect(body.accepted).toBeGreaterThan(0)
    await api.client.del(BALLAST)
    const again = await until(async () => await api.upload(id, `to,first_name\n${csv(8_000, 1_000)}`), 200)
    expect(again.body.accepted + again.body.duplicates).toBe(8_000)
  }, 20_000)
})
