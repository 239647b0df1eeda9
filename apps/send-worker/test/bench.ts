import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { CHUNK_ROWS, packChunk, readSpec } from '@chasqui/campaign'
import type { Chunk } from '@chasqui/campaign'
import { spawnApp, startRedis } from '@chasqui/harness'
import type { App, PrivateRedis } from '@chasqui/harness'
import { SendQueue } from '@chasqui/queue'
import {
  AliveCampaigns,
  Campaigns,
  closeRedis,
  connectRedis,
  Heart,
  Keys,
  RecipientAppender,
  recount,
  Senders,
  Suppressions,
} from '@chasqui/store'
import type { RedisClient } from '@chasqui/store'

const PREFIX = 'test'
const PHONE_NUMBER_ID = '106540352242922'
export const SENDER = 'main'
export const TOKEN = 'test-token'

/** What the simulator's ledger says, as far as these tests ask. */
export type Witness = {
  readonly requests: {
    readonly received: number
    readonly byOutcome: Readonly<Record<string, number>>
    readonly byCode: Readonly<Record<string, number>>
  }
  readonly recipients: {
    readonly doubled: number
    readonly seen: number
    readonly implied: { readonly accepted: number; readonly unknown: number; readonly rejected: number }
    readonly rejectedByCode: Readonly<Record<string, number>>
  }
  readonly rate: Readonly<Record<string, { readonly perSecondMax: number }>>
}

export type BenchOptions = {
  readonly messagesPerSecond?: number
  readonly simulator?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, string>>
}

/** A real Redis, the real simulator, and send-workers as processes: a case's whole world. */
export class Bench {
  readonly redis: PrivateRedis
  readonly client: RedisClient
  readonly queueClient: RedisClient
  readonly keys = new Keys(PREFIX)
  readonly campaigns: Campaigns
  readonly alive: AliveCampaigns
  readonly senders: Senders
  readonly suppressions: Suppressions
  readonly heart: Heart
  readonly simulator: string
  readonly #simulatorApp: App
  readonly #folder: string
  readonly #options: BenchOptions
  readonly #workers: App[] = []
  readonly #queue: SendQueue
  #made = 0

  private constructor(redis: PrivateRedis, simulatorApp: App, port: number, folder: string, options: BenchOptions) {
    this.redis = redis
    this.client = connectRedis(redis.url, 'ledger', () => {})
    this.queueClient = connectRedis(redis.url, 'blocking', () => {})
    this.campaigns = new Campaigns(this.client, this.keys)
    this.alive = new AliveCampaigns(this.client, this.keys)
    this.senders = new Senders(this.client, this.keys)
    this.suppressions = new Suppressions(this.client, this.keys)
    this.heart = new Heart(this.client, this.keys, 'test')
    this.#queue = new SendQueue(this.queueClient, PREFIX, SENDER)
    this.simulator = `http://127.0.0.1:${port}`
    this.#simulatorApp = simulatorApp
    this.#folder = folder
    this.#options = options
  }

  static async start(options: BenchOptions = {}): Promise<Bench> {
    const redis = await startRedis()
    const folder = await mkdtemp(join(tmpdir(), 'chasqui-send-'))
    const limit = options.messagesPerSecond ?? 1_000
    const app = spawnApp({
      name: 'simulator',
      env: {
        PORT: '0',
        SIMULATOR_TOKENS: TOKEN,
        SIMULATOR_NUMBERS: `${PHONE_NUMBER_ID}:${limit}`,
        SIMULATOR_CONFIG: JSON.stringify(options.simulator ?? {}),
      },
    })
    const { port } = await app.ready()
    const bench = new Bench(redis, app, port, folder, options)
    await bench.configureSender({})
    return bench
  }

  get sendersFile(): string {
    return join(this.#folder, 'senders.json')
  }

  get tokenFile(): string {
    return join(this.#folder, 'token')
  }

  /** Write senders.json (with changes) and the token's file. */
  async configureSender(change: Readonly<Record<string, unknown>>, token = TOKEN): Promise<void> {
    const sender = {
      id: SENDER,
      phoneNumberId: PHONE_NUMBER_ID,
      wabaId: '1',
      accessTokenEnv: 'TEST_TOKEN',
      messagesPerSecond: this.#options.messagesPerSecond ?? 1_000,
      baseUrl: null,
      ...change,
    }
    await writeFile(this.tokenFile, token)
    await writeFile(this.sendersFile, JSON.stringify([sender]))
  }

  async startWorker(env: Readonly<Record<string, string>> = {}): Promise<App> {
    const worker = spawnApp({
      name: 'send-worker',
      env: {
        REDIS_URL: this.redis.url,
        REDIS_PREFIX: PREFIX,
        SENDERS_FILE: this.sendersFile,
        MM_LITE_BASE_URL: `${this.simulator}/v25.0`,
        TEST_TOKEN_FILE: this.tokenFile,
        METRICS_PORT: '0',
        ...this.#options.env,
        ...env,
      },
    })
    this.#workers.push(worker)
    await worker.ready()
    return worker
  }

  /** A campaign with its recipients stored, not launched yet. */
  async createCampaign(recipients: number, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const id = `c${++this.#made}`
    const components = [{ type: 'body', parameters: [{ type: 'text', text: '{{name}}' }] }]
    const reading = readSpec({
      name: id,
      sender: SENDER,
      template: { name: 'bf_2026', language: 'pt_BR', components },
      ...more,
    })
    if (reading.kind !== 'spec') throw new Error(JSON.stringify(reading.problems))
    await this.campaigns.create({ id, spec: reading.spec, createdAt: Date.now() })
    const appender = new RecipientAppender(this.client, this.keys, id, 'upload')
    for (let from = 0; from < recipients; from += CHUNK_ROWS) {
      const rows = Math.min(CHUNK_ROWS, recipients - from)
      const chunk = packChunk(chunkOf(this.#made, from, rows))
      await appender.append({ chunks: [chunk], tally: { rows, rejected: {}, warnings: {} } })
    }
    return id
  }

  async launch(id: string): Promise<void> {
    await this.alive.list()
    await this.campaigns.enliven(id)
    const moved = await this.campaigns.move({ id, from: 'draft', to: 'running', sendable: true })
    if (moved.kind !== 'moved') throw new Error(`not launched: ${moved.kind}`)
    await this.askVisits(id)
  }

  async askVisits(id: string): Promise<void> {
    const chunks = await this.campaigns.chunksWithWork(id, 0, 10_000)
    await this.#queue.addVisits(
      chunks.map((chunk) => ({ campaign: id, chunk })),
      'normal',
    )
  }

  async counts(id: string): Promise<Record<string, number>> {
    const stored = await this.client.hgetall(this.keys.counts(id))
    return Object.fromEntries(Object.entries(stored).map(([field, value]) => [field, Number(value)]))
  }

  async status(id: string): Promise<string | null> {
    return await this.client.hget(this.keys.campaign(id), 'status')
  }

  /** Wait until the counts are as wanted; fails with what they are. */
  async until(
    id: string,
    wanted: (counts: Readonly<Record<string, number>>, status: string | null) => boolean,
    timeoutMs = 20_000,
  ): Promise<Record<string, number>> {
    const deadline = Date.now() + timeoutMs
    for (;;) {
      // In this order: what is counted after a campaign was seen to be completed is its last word.
      const [status, counts] = await Promise.all([this.status(id), this.counts(id)])
      if (wanted(counts, status)) return counts
      if (Date.now() > deadline)
        throw new Error(
          `still ${status}: ${JSON.stringify(counts)}\n${this.#workers.flatMap(({ lines }) => lines.slice(-8)).join('\n')}`,
        )
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }

  async completed(id: string, timeoutMs?: number): Promise<Record<string, number>> {
    return await this.until(id, (_counts, status) => status === 'completed', timeoutMs)
  }

  async witness(campaign: string): Promise<Witness> {
    const response = await fetch(`${this.simulator}/_simulator/summary?campaign=${campaign}`)
    return (await response.json()) as Witness
  }

  async configureSimulator(patch: Readonly<Record<string, unknown>>): Promise<void> {
    const response = await fetch(`${this.simulator}/_simulator/config`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(patch),
    })
    if (!response.ok) throw new Error(await response.text())
  }

  /** What single recipients of the latest campaign meet, by row. */
  async script(fates: Readonly<Record<number, unknown>>): Promise<void> {
    const body = Object.fromEntries(
      Object.entries(fates).map(([row, fate]) => [`+${phoneOf(this.#made, Number(row))}`, fate]),
    )
    const response = await fetch(`${this.simulator}/_simulator/fates`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(await response.text())
  }

  async miscounts(id: string): Promise<unknown[]> {
    return await recount(this.client, this.keys, id)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map(async (worker) => await worker.stop()))
    await this.#simulatorApp.stop()
    await this.#queue.close()
    await Promise.all([closeRedis(this.client), closeRedis(this.queueClient)])
    await this.redis.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** The number of a recipient: campaigns do not share any. */
export function phoneOf(campaign: number, row: number): number {
  return 5_511_900_000_000 + campaign * 1_000_000 + row
}

function chunkOf(campaign: number, from: number, rows: number): Chunk {
  const places = Array.from({ length: rows }, (_, index) => from + index)
  return {
    names: ['name'],
    to: places.map((row) => phoneOf(campaign, row)),
    refs: null,
    columns: [places.map((row) => `Ana ${row}`)],
  }
}
