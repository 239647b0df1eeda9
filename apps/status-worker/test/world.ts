import { mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { packChunk, readSpec } from '@chasqui/campaign'
import { encodeCallbackData } from '@chasqui/delivery'
import { spawnApp, startRedis } from '@chasqui/harness'
import type { App, PrivateRedis } from '@chasqui/harness'
import {
  Campaigns,
  closeRedis,
  connectRedis,
  DeadLetters,
  Keys,
  Ledger,
  RecipientAppender,
  recount,
  WebhookLog,
} from '@chasqui/store'
import type { Miscount, RedisClient } from '@chasqui/store'
import { signBody } from '@chasqui/whatsapp'

export const SECRET = 'an app secret'
export const SECOND_SECRET = 'the app secret before'
export const VERIFY_TOKEN = 'a verify token'
export const PREFIX = 'test'
export const SENDER = {
  id: 'main',
  phoneNumberId: '106500000000001',
  wabaId: '102200000000001',
  accessTokenEnv: 'TOKEN',
  messagesPerSecond: 80,
  baseUrl: null,
}

/** Its messages carry no callback data: statuses are known by the message's id. */
export const NAMELESS_SENDER = {
  ...SENDER,
  id: 'nameless',
  phoneNumberId: '106500000000002',
  correlation: 'message_id',
}

/** One status of a webhook, as little of it as is needed. */
export type Status = Readonly<Record<string, unknown>>
export type Answer = { readonly status: number; readonly text: string; readonly headers: Headers }

/** A Redis of our own, status-workers as real processes on it, and what a test asks them and looks up. */
export class World {
  readonly redis: PrivateRedis
  readonly client: RedisClient
  readonly keys = new Keys(PREFIX)
  readonly #folder = mkdtempSync(join(tmpdir(), 'status-worker-'))
  readonly #apps: App[] = []

  private constructor(redis: PrivateRedis) {
    this.redis = redis
    this.client = connectRedis(redis.url, 'ledger', () => {})
    this.configure([SENDER, NAMELESS_SENDER])
  }

  static async begin(): Promise<World> {
    return new World(await startRedis())
  }

  /** Write SENDERS_FILE. */
  configure(senders: readonly object[]): void {
    writeFileSync(join(this.#folder, 'senders.json'), JSON.stringify(senders))
  }

  /** Processes end, what they stored stays. */
  async stopApps(): Promise<void> {
    await Promise.all(this.#apps.splice(0).map(async (app) => await app.stop()))
  }

  async end(): Promise<void> {
    await this.stopApps()
    await closeRedis(this.client)
    await this.redis.stop()
    await rm(this.#folder, { recursive: true })
  }

  spawn(env: Readonly<Record<string, string | undefined>> = {}): App {
    const app = spawnApp({
      name: 'status-worker',
      env: {
        REDIS_URL: this.redis.url,
        REDIS_PREFIX: PREFIX,
        SENDERS_FILE: join(this.#folder, 'senders.json'),
        WEBHOOK_VERIFY_TOKEN: VERIFY_TOKEN,
        WEBHOOK_APP_SECRETS: `${SECRET},${SECOND_SECRET}`,
        PORT: '0',
        METRICS_PORT: '0',
        ...env,
      },
    })
    this.#apps.push(app)
    return app
  }

  async start(env: Readonly<Record<string, string | undefined>> = {}): Promise<Worker> {
    const app = this.spawn(env)
    const { port, metricsPort } = await app.ready()
    return new Worker(app, port, metricsPort)
  }

  /** A campaign of so many recipients, all of them sent to and accepted. No send-worker may run beside it. */
  async sentCampaign(id: string, recipients: number, more: object = {}): Promise<void> {
    await this.#draftCampaign(id, recipients, more)
    await new Campaigns(this.client, this.keys).move({ id, from: 'draft', to: 'running' })
    const ledger = new Ledger(this.client, this.keys)
    for (let sent = 0; sent < recipients;) {
      const chunk = Math.floor(sent / 500)
      const token = `${id}-${sent}`
      const ask = { campaign: id, chunk, token, fromRow: sent % 500, most: 100, leaseMs: 60_000, marginMs: 0 }
      const claim = await ledger.claim({ ...ask, claimant: 'test', remembered: 0, bornAt: Date.now() })
      if (claim.kind !== 'claimed' || claim.rows.length === 0) {
        throw new Error(`nothing to claim at ${sent}: ${JSON.stringify(claim)}`)
      }
      const rows = claim.rows.map(({ row }) => ({ row, move: { kind: 'accepted' as const, facts: 0 } }))
      await ledger.settle(id, chunk, token, rows)
      sent += rows.length
    }
  }

  /** A campaign of so many recipients that runs, and nobody has been sent to. */
  async runningCampaign(id: string, recipients: number, more: object = {}): Promise<void> {
    await this.#draftCampaign(id, recipients, more)
    await new Campaigns(this.client, this.keys).move({ id, from: 'draft', to: 'running' })
  }

  async #draftCampaign(id: string, recipients: number, more: object): Promise<void> {
    const campaigns = new Campaigns(this.client, this.keys)
    const template = { name: 'spring_sale', language: 'en_US', components: [] }
    const reading = readSpec({ name: id, sender: SENDER.id, template, ...more })
    if (reading.kind !== 'spec') throw new Error(JSON.stringify(reading))
    await campaigns.create({ id, spec: reading.spec, createdAt: Date.now() })
    const appender = new RecipientAppender(this.client, this.keys, id, `upload-${id}`)
    for (let from = 0; from < recipients; from += 500) {
      const rows = Math.min(500, recipients - from)
      const to = Array.from({ length: rows }, (_, row) => 5_511_900_000_000 + from + row)
      const chunk = { names: [], to, refs: null, columns: [] }
      await appender.append({
        chunks: [packChunk(chunk)],
        tally: { rows, rejected: {}, warnings: {} },
      })
    }
    await campaigns.enliven(id)
  }

  /** The campaign's counters that are not 0. */
  async counts(id: string): Promise<Readonly<Record<string, number>>> {
    const counts = Object.entries(await this.client.hgetall(this.keys.counts(id)))
    const moved = counts.map(([field, text]) => [field, Number(text)] as const).filter(([, value]) => value !== 0)
    return Object.fromEntries(moved)
  }

  async recount(id: string): Promise<Miscount[]> {
    return await recount(this.client, this.keys, id)
  }

  /** Resolves when everything that was taken in is folded and acknowledged. */
  async folded(): Promise<void> {
    const log = new WebhookLog(this.client, this.client, this.keys, 'test')
    await until(
      async () => (await this.client.exists(this.keys.webhookLog())) === 0 || (await log.backlog()).unfolded === 0,
    )
  }

  /** The dead letters' reasons and bodies, oldest first. */
  async deadLetters(): Promise<{ readonly reason: string; readonly body: string }[]> {
    const letters: { readonly reason: string; readonly body: string }[] = []
    for await (const { reason, body } of new DeadLetters(this.client, this.keys, 1).list())
      letters.push({ reason, body: body.toString() })
    return letters
  }
}

export class Worker {
  readonly app: App
  readonly port: number
  readonly metricsPort: number

  constructor(app: App, port: number, metricsPort: number) {
    this.app = app
    this.port = port
    this.metricsPort = metricsPort
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/webhooks/whatsapp`
  }

  /** Post a body, signed unless the headers say otherwise. */
  async post(body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const response = await fetch(this.url, {
      method: 'POST',
      body: Buffer.from(body),
      headers: { 'content-type': 'application/json', 'x-hub-signature-256': signBody(body, SECRET), ...headers },
    })
    return { status: response.status, text: await response.text(), headers: response.headers }
  }

  async metrics(): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${this.metricsPort}/metrics`)).text()
  }

  /** The value of one series, by its name with its labels as they are printed; `null` when there is none. */
  async metric(series: string): Promise<number | null> {
    const line = (await this.metrics()).split('\n').find((each) => each.startsWith(`${series} `))
    return line === undefined ? null : Number(line.slice(series.length + 1))
  }
}

/** A body with these changes. */
export function bodyOf(field: string, value: unknown): string {
  const entry = { id: SENDER.wabaId, time: 1_750_000_000, changes: [{ field, value }] }
  return JSON.stringify({ object: 'whatsapp_business_account', entry: [entry] })
}

export function statusesBody(statuses: readonly Status[]): string {
  const metadata = { display_phone_number: '15550000001', phone_number_id: SENDER.phoneNumberId }
  return bodyOf('messages', { messaging_product: 'whatsapp', metadata, statuses })
}

/** A status of the first attempt at a recipient of ours. */
export function status(campaign: string, ordinal: number, word: string, more: Status = {}): Status {
  return {
    id: `wamid.${campaign}.${ordinal}`,
    status: word,
    timestamp: String(Math.floor(Date.now() / 1_000)),
    recipient_id: String(5_511_900_000_000 + ordinal),
    biz_opaque_callback_data: encodeCallbackData({ environment: PREFIX, campaignId: campaign, ordinal, attempt: 1 }),
    ...(word === 'failed' ? {} : { pricing: { billable: true, pricing_model: 'PMP', category: 'marketing_lite' } }),
    ...more,
  }
}

/** A status as an endpoint tells it that echoes nothing. */
export function nameless(campaign: string, ordinal: number, word: string): Status {
  const { biz_opaque_callback_data: _echo, ...rest } = status(campaign, ordinal, word)
  return rest
}

/** Asks again and again until the answer is yes; throws after `ms`. */
export async function until(yes: () => Promise<boolean>, ms = 20_000): Promise<void> {
  const end = performance.now() + ms
  while (!(await yes())) {
    if (performance.now() > end) throw new Error(`not so after ${ms} ms: ${yes.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
