import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePort, spawnApp, startRedis, tcpProxy } from '@chasqui/harness'
import type { App, PrivateRedis, PrivateRedisCluster, TcpProxy } from '@chasqui/harness'
import { closeRedis, connectRedis, Keys } from '@chasqui/store'
import type { RedisClient } from '@chasqui/store'

import { Member } from './member.ts'
import { Upstream } from './upstream.ts'
import { Witness } from './witness.ts'

export const SENDER = 'chaos'
export const PHONE_NUMBER_ID = '106540352242922'
const APP_SECRET = 'chaos-app-secret'
const FIRST_TOKEN = 'chaos-token'
export const PREFIX = 'chaos'

export type StageOptions = {
  readonly seed: number
  /** The sender's limit as configured, and the endpoint's own if that differs, messages a second. */
  readonly messagesPerSecond: number
  readonly endpointPerSecond?: number
  /** Beside `SENDER`; none shares its number. */
  readonly moreSenders?: readonly StageSender[]
  readonly workers: number
  readonly statusWorkers?: number
  /** How the endpoint behaves: part of the simulator's configuration. */
  readonly simulator?: object
  /** Added to the environment of every send-worker. */
  readonly workerEnv?: Readonly<Record<string, string>>
  /** Added to the environment of the send-worker of this index. */
  readonly envOf?: (index: number) => Readonly<Record<string, string>>
  /** Each process talks to Redis through a proxy of its own. */
  readonly proxies?: boolean
  readonly redis?: Readonly<Record<string, string>>
  /** On this cluster instead of a single Redis; it is stopped with the stage. */
  readonly cluster?: PrivateRedisCluster
}

export type StageSender = { readonly id: string; readonly phoneNumberId: string; readonly messagesPerSecond: number }

/**
 * Times that a test can wait for. The relations are those of the real ones: an answer is given up before its claim is,
 * and a claim is given up long before anything is sent again.
 */
export const SHORT_TIMES = { SEND_TIMEOUT_MS: '2000', SEND_LEASE_MS: '5000', RESEND_WINDOW_MS: '15000' }

/** The whole installation as processes of their own, with a private Redis and the simulator as the witness. */
export class Stage {
  readonly redis: PrivateRedis
  readonly witness: Witness
  readonly upstream: Upstream
  readonly producer: Member
  readonly workers: readonly Member[]
  readonly statusWorkers: readonly Member[]
  readonly keys = new Keys(PREFIX)
  /** Straight to Redis, past every proxy. */
  readonly client: RedisClient
  readonly proxies: readonly TcpProxy[]
  readonly #simulator: App
  readonly #folder: string

  private constructor(parts: {
    redis: PrivateRedis
    witness: Witness
    upstream: Upstream
    producer: Member
    workers: readonly Member[]
    statusWorkers: readonly Member[]
    proxies: readonly TcpProxy[]
    simulator: App
    folder: string
  }) {
    this.redis = parts.redis
    this.witness = parts.witness
    this.upstream = parts.upstream
    this.producer = parts.producer
    this.workers = parts.workers
    this.statusWorkers = parts.statusWorkers
    this.proxies = parts.proxies
    this.#simulator = parts.simulator
    this.#folder = parts.folder
    this.client = connectRedis(parts.redis.url, 'ledger', () => {})
  }

  static async set(options: StageOptions): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'chasqui-chaos-'))
    const redis = await redisOf(options)
    const proxies: TcpProxy[] = []
    const redisUrl = async (): Promise<string> => {
      if (options.proxies !== true) return redis.url
      const proxy = await tcpProxy(redis.url)
      proxies.push(proxy)
      return proxy.url
    }
    const ports = await Promise.all(Array.from({ length: options.statusWorkers ?? 1 }, async () => await freePort()))
    const simulator = spawnApp({ name: 'simulator', env: simulatorEnvironment(options, ports[0] ?? 0) })
    const endpoint = `http://127.0.0.1:${(await simulator.ready(60_000)).port}`
    await writeToken(folder, FIRST_TOKEN)
    await writeFile(
      join(folder, 'senders.json'),
      JSON.stringify(sendersOf(options).map((sender) => describeSender(sender, endpoint))),
    )
    const shared = { REDIS_PREFIX: PREFIX, SENDERS_FILE: join(folder, 'senders.json'), HOST: '127.0.0.1' }
    const producerPort = await freePort()
    const producer = new Member({
      name: 'producer',
      env: { ...shared, REDIS_URL: await redisUrl(), PORT: String(producerPort), METRICS_PORT: '0' },
    })
    const statusWorkers = await Promise.all(
      ports.map(async (port) => {
        const secrets = { WEBHOOK_VERIFY_TOKEN: 'chaos', WEBHOOK_APP_SECRETS: APP_SECRET }
        const env = { ...shared, ...secrets, REDIS_URL: await redisUrl(), PORT: String(port), METRICS_PORT: '0' }
        return new Member({ name: 'status-worker', env })
      }),
    )
    const workers = await Promise.all(
      Array.from({ length: options.workers }, async (_, index) => {
        const token = { WA_TOKEN_CHAOS_FILE: join(folder, 'token') }
        const own = { ...SHORT_TIMES, ...options.workerEnv, ...options.envOf?.(index) }
        const env = { ...shared, ...token, REDIS_URL: await redisUrl(), METRICS_PORT: '0', ...own }
        return new Member({ name: 'send-worker', env })
      }),
    )
    const upstream = new Upstream(`http://127.0.0.1:${producerPort}`)
    const witness = new Witness(endpoint)
    const stage = new Stage({ redis, witness, upstream, producer, workers, statusWorkers, proxies, simulator, folder })
    try {
      await Promise.all(stage.members.map(async (member) => await member.start()))
      return stage
    } catch (error) {
      // Whoever did start would keep the harness, and the machine, busy for ever.
      await stage.clear()
      throw error
    }
  }

  /** Everybody who may be killed, Redis aside. */
  get members(): readonly Member[] {
    return [...this.workers, ...this.statusWorkers, this.producer]
  }

  async killRedis(downMs: number): Promise<void> {
    await this.redis.kill()
    await new Promise((resolve) => setTimeout(resolve, downMs))
    await this.redis.restart()
  }

  /** The operator puts a new access token where the workers read it. */
  async renewToken(token: string): Promise<void> {
    await writeToken(this.#folder, token)
  }

  async status(campaign: string): Promise<string> {
    return (await this.client.hget(this.keys.campaign(campaign), 'status')) ?? 'missing'
  }

  async counts(campaign: string): Promise<Readonly<Record<string, number>>> {
    const counts = await this.client.hgetall(this.keys.counts(campaign))
    return Object.fromEntries(Object.entries(counts).map(([field, value]) => [field, Number(value)]))
  }

  async clear(): Promise<void> {
    await Promise.all(this.members.map(async (member) => await member.stop()))
    await this.#simulator.stop()
    await closeRedis(this.client)
    await Promise.all(this.proxies.map(async (proxy) => await proxy.close()))
    await this.redis.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** Of a cluster the first node is the one that is killed. */
async function redisOf({ cluster, redis = {} }: StageOptions): Promise<PrivateRedis> {
  const [first] = cluster?.nodes ?? []
  if (cluster === undefined || first === undefined) return await startRedis({ config: redis })
  return { ...first, url: cluster.url, stop: async () => await cluster.stop() }
}

function simulatorEnvironment(options: StageOptions, statusPort: number): Record<string, string> {
  const perSecond = options.endpointPerSecond ?? options.messagesPerSecond
  return {
    HOST: '127.0.0.1',
    PORT: '0',
    SIMULATOR_SEED: String(options.seed),
    SIMULATOR_TOKENS: FIRST_TOKEN,
    SIMULATOR_NUMBERS: [
      `${PHONE_NUMBER_ID}:${perSecond}`,
      ...(options.moreSenders ?? []).map(
        ({ phoneNumberId, messagesPerSecond }) => `${phoneNumberId}:${messagesPerSecond}`,
      ),
    ].join(','),
    SIMULATOR_WEBHOOK_URL: `http://127.0.0.1:${statusPort}/webhooks/whatsapp`,
    SIMULATOR_APP_SECRET: APP_SECRET,
    SIMULATOR_CONFIG: JSON.stringify(options.simulator ?? {}),
  }
}

function sendersOf({ messagesPerSecond, moreSenders = [] }: StageOptions): StageSender[] {
  return [{ id: SENDER, phoneNumberId: PHONE_NUMBER_ID, messagesPerSecond }, ...moreSenders]
}

function describeSender(sender: StageSender, endpoint: string): object {
  return {
    ...sender,
    wabaId: '102290129340398',
    accessTokenEnv: 'WA_TOKEN_CHAOS',
    baseUrl: `${endpoint}/v25.0`,
  }
}

async function writeToken(folder: string, token: string): Promise<void> {
  await writeFile(join(folder, 'token'), token)
}

/** So many people, a number each: mobile numbers of São Paulo, none of them twice. */
export function people(count: number, from: number = 0): string[] {
  return Array.from({ length: count }, (_, index) => `+55119${String(60_000_000 + from + index).padStart(8, '0')}`)
}
