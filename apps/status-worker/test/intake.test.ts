import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { request } from 'node:http'

import { signBody } from '@chasqui/whatsapp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { bodyOf, SECOND_SECRET, SECRET, status, statusesBody, VERIFY_TOKEN, World } from './world.ts'
import type { Worker } from './world.ts'

let world: World
let worker: Worker

beforeAll(async () => {
  world = await World.begin()
  worker = await world.start()
})

afterAll(async () => await world.end())

async function stored(): Promise<number> {
  return await world.client.xlen(world.keys.webhookLog())
}

describe('the handshake', () => {
  const ask = async (query: Readonly<Record<string, string>>): Promise<Response> =>
    await fetch(`${worker.url}?${new URLSearchParams(query).toString()}`)
  const good = { 'hub.mode': 'subscribe', 'hub.verify_token': VERIFY_TOKEN, 'hub.challenge': '1158201444' }

  test('is answered with the bare challenge', async () => {
    const answer = await ask(good)
    expect(answer.status).toBe(200)
    expect(await answer.text()).toBe('1158201444')
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/)
  })

  test.each([{ 'hub.verify_token': 'wrong' }, { 'hub.mode': 'unsubscribe' }, { 'hub.challenge': '<b>' }])(
    'with %j it is refused',
    async (wrong) => {
      const answer = await ask({ ...good, ...wrong })
      expect(answer.status).toBe(403)
      expect(await answer.text()).not.toContain('<b>')
    },
  )
})

describe('the signature', () => {
  const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [], note: 'é' })
  const good = signBody(body, SECRET)
  const flipped = `${good.slice(0, -1)}${good.endsWith('0') ? '1' : '0'}`

  test.each([
    ['the first secret', good],
    ['the second secret', signBody(body, SECOND_SECRET)],
  ])('by %s makes a body genuine', async (_name, signature) => {
    const before = await stored()
    expect((await worker.post(body, { 'x-hub-signature-256': signature })).status).toBe(200)
    expect(await stored()).toBe(before + 1)
  })

  test.each([
    ['of another secret', signBody(body, 'of somebody else')],
    ['with one bit flipped', flipped],
    ['of the same JSON in another spelling', signBody(body.replace('é', String.raw`\u00e9`), SECRET)],
    ['sha1', `sha1=${good.slice(7, 47)}`],
    ['empty', ''],
    ['garbage', 'x'.repeat(10_000)],
  ])('%s is refused, and nothing is stored', async (_name, signature) => {
    const before = await stored()
    expect((await worker.post(body, { 'x-hub-signature-256': signature })).status).toBe(401)
    expect(await stored()).toBe(before)
  })

  test('missing or given twice is refused', async () => {
    for (const signatures of [[], [good, good], [good, flipped]]) {
      const answer = Promise.withResolvers<number | undefined>()
      const raw = [
        'host',
        'localhost',
        'content-type',
        'application/json',
        'content-length',
        String(Buffer.byteLength(body)),
      ]
      const headers = [...raw, ...signatures.flatMap((signature) => ['x-hub-signature-256', signature])]
      const asked = request(worker.url, { method: 'POST', headers }, (response) => {
        response.resume()
        answer.resolve(response.statusCode)
      })
      asked.on('error', answer.reject)
      asked.end(body)
      expect(await answer.promise).toBe(401)
    }
  })
})

describe('what is not taken in', () => {
  const body = statusesBody([status('nowhere', 0, 'sent')])

  test.each([
    ['text/plain', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['gzip', { 'content-encoding': 'gzip' }],
    ['identity, spelled out', { 'content-encoding': 'identity' }],
  ])('%s is refused with 415', async (_name, headers) => {
    const before = await stored()
    expect((await worker.post(body, headers)).status).toBe(415)
    expect(await stored()).toBe(before)
  })

  test('a body of 5 MB is refused with 413, and the process goes on', async () => {
    const large = bodyOf('messages', { filler: 'x'.repeat(5 * 1024 * 1024) })
    const before = await stored()
    // Fastify answers at the declared length and closes; a client that is still writing may see only the reset.
    const answer = await worker.post(large).catch((error: unknown) => error)
    if (!(answer instanceof Error)) expect(answer).toMatchObject({ status: 413 })
    expect(await worker.metric('chasqui_webhook_refused_total{reason="too_large"}')).toBe(1)
    expect(await stored()).toBe(before)
    expect((await worker.post(body)).status).toBe(200)
  })

  test('one of 3.9 MB is taken in', async () => {
    const large = bodyOf('messages', { filler: 'x'.repeat(3.9 * 1024 * 1024) })
    expect((await worker.post(large)).status).toBe(200)
  })

  test('a body that breaks off is not stored, and the process goes on', async () => {
    const before = await stored()
    const socket = connect(worker.port, '127.0.0.1')
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.write(
      `POST /webhooks/whatsapp HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n` +
        `x-hub-signature-256: ${signBody(body, SECRET)}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body.slice(0, 100)}`,
      () => socket.resetAndDestroy(),
    )
    await closed
    expect((await worker.post(body)).status).toBe(200)
    expect(await stored()).toBe(before + 1)
  })

  test('other paths do not exist on the public port, nor does /metrics', async () => {
    for (const path of ['/', '/metrics', '/livez', '/webhooks']) {
      expect((await fetch(`http://127.0.0.1:${worker.port}${path}`)).status).toBe(404)
    }
  })
})

describe('clients that hold on', () => {
  const head =
    'POST /webhooks/whatsapp HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n' +
    `x-hub-signature-256: sha256=${'0'.repeat(64)}\r\n`

  /** Everything the server says on a connection that sends this and no more. */
  function holding(...sent: readonly (string | Buffer)[]): { readonly socket: Socket; readonly said: Promise<string> } {
    const socket = connect(worker.port, '127.0.0.1')
    let text = ''
    const said = new Promise<string>((resolve) => socket.once('close', () => resolve(text)))
    socket.on('data', (piece) => (text += String(piece))).on('error', () => {})
    for (const piece of sent) socket.write(piece)
    return { socket, said }
  }

  test('are cut off after seconds, in the headers and in the body', { timeout: 40_000 }, async () => {
    const began = performance.now()
    const slow = [holding(head), holding(`${head}content-length: 1000\r\n\r\n{`)]
    for (const { said } of slow) expect(await said).toMatch(/^HTTP\/1\.1 408 /)
    expect(performance.now() - began).toBeLessThan(20_000)
  })

  test('cannot fill the memory with large bodies, nor keep a webhook out', async () => {
    const almost = Buffer.alloc(3 * 1024 * 1024, ' ')
    const held = Array.from({ length: 40 }, () =>
      holding(`${head}content-length: ${almost.length + 1}\r\n\r\n`, almost),
    )
    const refused = await Promise.race(held.map(async ({ said }) => await said))
    expect(refused).toMatch(/^HTTP\/1\.1 503 |^$/)
    const body = statusesBody([status('nowhere', 0, 'sent')])
    expect((await worker.post(body)).status).toBe(200)
    for (const { socket } of held) socket.destroy()
  })
})

describe('without Redis', () => {
  test(
    'a body is answered 503 with Retry-After, and taken and counted when it comes again',
    { timeout: 60_000 },
    async () => {
      await world.sentCampaign('away', 1)
      const body = statusesBody([status('away', 0, 'delivered')])
      await world.redis.kill()
      const answers = await Promise.all(Array.from({ length: 20 }, async () => await worker.post(body)))
      expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 503))
      expect(Number(answers[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
      expect((await fetch(`http://127.0.0.1:${worker.metricsPort}/readyz`)).status).toBe(503)
      expect((await fetch(`http://127.0.0.1:${worker.metricsPort}/livez`)).status).toBe(200)

      await world.redis.restart()
      let last = 0
      for (let tries = 0; tries < 20 && last !== 200; tries += 1) last = (await worker.post(body)).status
      expect(last).toBe(200)
      await world.folded()
      expect(await world.counts('away')).toMatchObject({ accepted: 1, 'delivery:sent': 1, 'delivery:delivered': 1 })
      expect(await world.recount('away')).toEqual([])
    },
  )

  test('a status-worker starts, says so, and works when Redis comes', { timeout: 60_000 }, async () => {
    await world.sentCampaign('early', 1)
    const body = statusesBody([status('early', 0, 'read')])
    await world.redis.kill()
    const early = await world.start()
    expect((await early.post(body)).status).toBe(503)
    await world.redis.restart()
    let last = 0
    for (let tries = 0; tries < 20 && last !== 200; tries += 1) last = (await early.post(body)).status
    expect(last).toBe(200)
    await world.folded()
    expect(await world.counts('early')).toMatchObject({ 'delivery:read': 1 })
  })
})
