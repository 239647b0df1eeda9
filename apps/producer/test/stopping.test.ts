import { mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { attemptsOf, STATE, stateOf } from '@chasqui/delivery'
import { spawnApp, startRedis } from '@chasqui/harness'
import type { App, PrivateRedis } from '@chasqui/harness'
import { closeRedis, connectRedis, Keys } from '@chasqui/store'
import type { RedisClient } from '@chasqui/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { request } from './api.ts'
import type { Answer } from './api.ts'

/** The bound of the README, and what it comes to when nothing is broken: half a second of heartbeat and some room. */
const KILL_SWITCH_MS = 5_000
const TOKEN = 'a-token'
const NUMBERS = { one: '106540352242921', two: '106540352242922' } as const
const keys = new Keys('stopping')

let redis: PrivateRedis
let client: RedisClient
let folder: string
let simulator: string
let api: number
const workers: App[] = []
const apps: App[] = []
let env: Readonly<Record<string, string>>

beforeAll(async () => {
  redis = await startRedis()
  client = connectRedis(redis.url, 'ledger', () => {})
  folder = mkdtempSync(join(tmpdir(), 'stopping-'))
  const endpoint = spawnApp({
    name: 'simulator',
    env: {
      PORT: '0',
      SIMULATOR_TOKENS: TOKEN,
      SIMULATOR_NUMBERS: Object.values(NUMBERS)
        .map((number) => `${number}:1000`)
        .join(','),
      SIMULATOR_CONFIG: JSON.stringify({ answers: { latencyP50Ms: 30, latencyP95Ms: 150, latencyMaxMs: 400 } }),
    },
  })
  simulator = `http://127.0.0.1:${(await endpoint.ready()).port}`
  const senders = Object.entries(NUMBERS).map(([id, phoneNumberId]) => ({
    id,
    phoneNumberId,
    wabaId: '1',
    accessTokenEnv: 'TOKEN',
    messagesPerSecond: 150,
    baseUrl: `${simulator}/v25.0`,
  }))
  writeFileSync(join(folder, 'senders.json'), JSON.stringify(senders))
  env = {
    REDIS_URL: redis.url,
    REDIS_PREFIX: keys.prefix,
    SENDERS_FILE: join(folder, 'senders.json'),
    METRICS_PORT: '0',
    TOKEN,
  }
  const producer = spawnApp({ name: 'producer', env: { ...env, PORT: '0' } })
  apps.push(endpoint, producer)
  api = (await producer.ready()).port
  await Promise.all([startWorker(), startWorker()])
}, 60_000)

afterAll(async () => {
  await Promise.all([...apps, ...workers].map(async (app) => await app.stop()))
  await closeRedis(client)
  await redis.stop()
  await rm(folder, { recursive: true })
})

async function startWorker(): Promise<App> {
  const worker = spawnApp({ name: 'send-worker', env })
  workers.push(worker)
  await worker.ready()
  return worker
}

let people = 0
/** A campaign of so many that runs. */
async function run(sender: keyof typeof NUMBERS, recipients: number): Promise<string> {
  const spec = {
    name: 'x',
    sender,
    template: { name: 't', language: 'en', components: [] },
  }
  const { id } = (await request(api, 'POST', '/v1/campaigns', spec)).body
  const rows = Array.from({ length: recipients }, () => `+55119${String(40_000_000 + people++)}`)
  await request(api, 'POST', `/v1/campaigns/${id}/recipients`, `to\n${rows.join('\n')}\n`, {
    'content-type': 'text/csv',
  })
  await order(`/v1/campaigns/${id}/launch`)
  return id
}

async function order(path: string, body?: unknown): Promise<Answer> {
  const answer = await request(api, 'POST', path, body)
  if (answer.status !== 200) throw new Error(answer.text)
  return answer
}

const states = async (id: string): Promise<Buffer> => (await client.getBuffer(keys.states(id))) ?? Buffer.alloc(0)
const count = async (id: string, field: string): Promise<number> =>
  Number((await client.hget(keys.counts(id), field)) ?? 0)
const isFree = (byte: number): boolean => stateOf(byte) === STATE.pending || stateOf(byte) === STATE.waiting

/** When each request arrived, ms since 1970. */
async function arrivals(): Promise<number[]> {
  const text = await (await fetch(`${simulator}/_simulator/ledger`)).text()
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => (JSON.parse(line) as { at: number }).at)
}

async function doubled(): Promise<number> {
  const summary = (await (await fetch(`${simulator}/_simulator/summary`)).json()) as { recipients: { doubled: number } }
  return summary.recipients.doubled
}

async function until(what: () => Promise<boolean>, timeout = 20_000): Promise<void> {
  await expect.poll(what, { timeout, interval: 25 }).toBe(true)
}

describe('stopping', { timeout: 60_000 }, () => {
  test('a sender paused in the middle: no claim after the answer, by any worker; the other sender goes on', async () => {
    const [paused, other] = [await run('one', 500), await run('two', 700)]
    for (let race = 0; race < 3; race++) {
      const before = await count(paused, 'accepted')
      await until(async () => (await count(paused, 'accepted')) > before + 20)
      await sleep(race * 37)
      const answer = await order('/v1/senders/one/pause', { reason: `race ${race}` })
      const atAnswer = await states(paused)
      const othersAtAnswer = await count(other, 'accepted')
      const inFlight = (answer.body as unknown as { inFlight: number }).inFlight
      expect(inFlight).toBeGreaterThanOrEqual(atAnswer.filter((byte) => stateOf(byte) === STATE.sending).length)
      await until(async () => (await count(paused, 'sending')) === 0)
      await until(async () => (await count(other, 'accepted')) > othersAtAnswer + 50, 5_000)
      const later = await states(paused)
      const claimed = [...atAnswer].filter((byte, at) => isFree(byte) && attemptsOf(later[at] ?? 0) > attemptsOf(byte))
      expect(claimed).toEqual([])
      expect(atAnswer.filter(isFree).length).toBeGreaterThan(0)
      await order('/v1/senders/one/resume')
    }
    await until(async () => (await count(paused, 'accepted')) === 500 && (await count(other, 'accepted')) === 700)
    expect(await doubled()).toBe(0)
  })

  test('a paused sender with much to do does not hold up another one', async () => {
    await order('/v1/senders/one/pause')
    const waiting = await run('one', 6_000)
    const other = await run('two', 300)
    await until(async () => (await count(other, 'accepted')) === 300)
    expect(await count(waiting, 'pending')).toBe(6_000)
    await order(`/v1/campaigns/${waiting}/cancel`)
    await order('/v1/senders/one/resume')
  })

  test('the kill switch: the last request starts within 5 s of the answer, also after workers were restarted', async () => {
    const campaigns = [await run('one', 900), await run('two', 900)]
    await until(async () => (await count(campaigns[0] ?? '', 'accepted')) > 100)
    const stopped = await order('/v1/sending/stop', { reason: 'drill' })
    const answeredAt = Date.now()
    expect((stopped.body as unknown as { inFlight: number }).inFlight).toBeGreaterThan(0)
    await Promise.all(
      workers.map(async (worker) => await worker.waitFor(/claims are forbidden.*|"why":"everything was stopped/)),
    )
    const [first] = workers
    first?.signal('SIGKILL')
    const replacement = await startWorker()
    const { metricsPort } = await replacement.ready()
    const ready = await request(metricsPort, 'GET', '/readyz')
    expect([ready.status, ready.text]).toEqual([
      503,
      expect.stringMatching(/^everything was stopped by api:local at .*: drill\n$/),
    ])
    expect((await request(metricsPort, 'GET', '/livez')).status).toBe(200)
    expect((await request(metricsPort, 'GET', '/metrics')).text).toMatch(
      /^chasqui_sending_stopped\{reason="stopped"\} 1$/m,
    )
    // Longer than any worker needs to see that it may send.
    await sleep(1_500)
    const last = Math.max(...(await arrivals()))
    expect(last - answeredAt).toBeLessThan(KILL_SWITCH_MS)
    const pending = await Promise.all(campaigns.map(async (id) => await count(id, 'pending')))
    expect(Math.min(...pending)).toBeGreaterThan(0)
    await sleep(300)
    expect(Math.max(...(await arrivals()))).toBe(last)

    await order('/v1/sending/start')
    // Chunks of the killed worker wait for its locks; the others go on.
    for (const [index, id] of campaigns.entries())
      await until(async () => (await count(id, 'pending')) < (pending[index] ?? 0) - 100)
    expect(await doubled()).toBe(0)
  })
})
