import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { FACT } from '@chasqui/delivery'
import { spawnApp } from '@chasqui/harness'
import type { App } from '@chasqui/harness'
import { Campaigns, Keys, LapseBook, Lease } from '@chasqui/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { LapseSweeper } from '../src/lapse-sweeper.ts'
import { PREFIX, SECRET, SENDER, status, statusesBody, until, World } from './world.ts'
import type { Worker } from './world.ts'

const TOKEN = 'test-token'
const TTL_MS = 43_200_000
const BUFFER_MS = 3_600_000
const N = 600

let world: World
let worker: Worker
let folder: string
const apps: App[] = []

beforeAll(async () => {
  world = await World.begin()
  worker = await world.start()
  folder = await mkdtemp(join(tmpdir(), 'undelivered-'))
})

afterAll(async () => {
  await stopSending()
  await world.end()
  await rm(folder, { recursive: true })
})

type Told = { readonly truth: Readonly<Record<string, number>>; readonly webhooks: { readonly pending: number } }

/** The simulator, which tells the status-worker of everything, and a send-worker that sends to it. */
async function startSending(config: Readonly<Record<string, unknown>>): Promise<() => Promise<Told>> {
  const env = {
    PORT: '0',
    SIMULATOR_TOKENS: TOKEN,
    SIMULATOR_NUMBERS: `${SENDER.phoneNumberId}:1000:${SENDER.wabaId}`,
    SIMULATOR_WEBHOOK_URL: worker.url,
    SIMULATOR_APP_SECRET: SECRET,
    SIMULATOR_CONFIG: JSON.stringify(config),
  }
  const simulator = spawnApp({ name: 'simulator', env })
  apps.push(simulator)
  const { port } = await simulator.ready()
  const sendersFile = join(folder, 'senders.json')
  await writeFile(sendersFile, JSON.stringify([{ ...SENDER, messagesPerSecond: 1_000 }]))
  const sender = spawnApp({
    name: 'send-worker',
    env: {
      REDIS_URL: world.redis.url,
      REDIS_PREFIX: PREFIX,
      SENDERS_FILE: sendersFile,
      MM_LITE_BASE_URL: `http://127.0.0.1:${port}/v25.0`,
      [SENDER.accessTokenEnv]: TOKEN,
      METRICS_PORT: '0',
    },
  })
  apps.push(sender)
  await sender.ready()
  return async () => (await (await fetch(`http://127.0.0.1:${port}/_simulator/summary`)).json()) as Told
}

async function stopSending(): Promise<void> {
  await Promise.all(apps.splice(0).map(async (app) => await app.stop()))
}

/** A sweeper to whom this much time has passed, and webhooks have come all the while. */
function sweeperAfter(ms: number, steadyMs: number = ms): LapseSweeper {
  const keys = new Keys(PREFIX)
  const campaigns = new Campaigns(world.client, keys)
  return new LapseSweeper({
    book: new LapseBook(world.client, keys),
    lease: new Lease(world.client, keys.lapseSweeper(), 'test', 60_000),
    bufferMs: BUFFER_MS,
    receivedSteadilyFor: () => Promise.resolve(steadyMs),
    now: async () => (await campaigns.now()) + ms,
    onInferred: () => {},
    onTrouble: (error) => {
      throw error
    },
  })
}

async function undelivered(id: string): Promise<number> {
  return (await world.counts(id))['delivery:undelivered'] ?? 0
}

describe('a campaign whose template has a TTL', () => {
  test('counts what Meta dropped without a word, and takes it back when late word comes', async () => {
    const summary = await startSending({
      delivery: { deliveredShare: 0.8, failedShare: 0.05, readShare: 0.5, readWithoutDeliveredShare: 0.3 },
      webhooks: { duplicateShare: 0.1, shuffledShare: 0.2 },
    })
    await world.runningCampaign('lapsing', N, { templateTtlSeconds: TTL_MS / 1_000 })
    // Without a TTL nobody knows when a message is dropped.
    await world.runningCampaign('endless', 10)
    await until(async () => (await world.counts('lapsing'))['accepted'] === N)
    await until(async () => (await world.counts('endless'))['accepted'] === 10)
    await until(async () => (await summary()).webhooks.pending === 0)
    // A send-worker that went on would find the next test's campaign, too, and claim some of it.
    await stopSending()
    await world.folded()
    const { delivered = 0, failed = 0 } = await settledCounts('lapsing')
    const dropped = N - delivered - failed
    expect(dropped).toBeGreaterThan(50)

    expect(await sweeperAfter(TTL_MS).sweep()).toBe(0)
    // Webhooks could not come for a while: their silence means nothing yet.
    expect(await sweeperAfter(TTL_MS + 2 * BUFFER_MS, BUFFER_MS - 1).sweep()).toBe(0)
    const later = sweeperAfter(TTL_MS + 2 * BUFFER_MS)
    expect(await later.sweep()).toBe(dropped)
    expect(await undelivered('lapsing')).toBe(dropped)
    expect(await later.sweep()).toBe(0)
    expect(await undelivered('endless')).toBe(0)

    const facts = (await world.client.getBuffer(world.keys.facts('lapsing'))) ?? Buffer.alloc(0)
    const silent = [...facts.keys()].filter((ordinal) => ((facts[ordinal] ?? 0) & FACT.undelivered) !== 0)
    const [first = 0, second = 0, third = 0] = silent
    const late = [
      status('lapsing', first, 'delivered'),
      status('lapsing', first, 'delivered'),
      status('lapsing', second, 'read'),
      status('lapsing', third, 'failed', { errors: [{ code: 131_026 }] }),
    ]
    for (const one of late) expect((await worker.post(statusesBody([one]))).status).toBe(200)
    await world.folded()
    expect(await undelivered('lapsing')).toBe(dropped - 3)
    expect(await world.recount('lapsing')).toEqual([])
    expect(await later.sweep()).toBe(0)
  }, 60_000)

  test('by two sweepers at once, each message is counted once', async () => {
    await world.sentCampaign('twice', 700, { templateTtlSeconds: TTL_MS / 1_000 })
    const sweepers = [1, 2, 3].map(() => sweeperAfter(TTL_MS + 2 * BUFFER_MS))
    const inferred = await Promise.all(sweepers.map(async (sweeper) => await sweeper.sweep()))
    expect(inferred.reduce((sum, messages) => sum + messages, 0)).toBe(700)
    expect(await undelivered('twice')).toBe(700)
    expect(await world.recount('twice')).toEqual([])
  })
})

async function settledCounts(id: string): Promise<{ readonly delivered?: number; readonly failed?: number }> {
  const counts = await world.counts(id)
  return { delivered: counts['delivery:delivered'] ?? 0, failed: counts['delivery:failed'] ?? 0 }
}
