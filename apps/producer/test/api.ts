import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import { ScheduleQueue, SendQueue } from '@chasqui/queue'
import type { RateCard } from '@chasqui/campaign'
import { createLogger, createMetrics } from '@chasqui/runtime'
import type { Sender } from '@chasqui/runtime'
import { closeRedis, connectRedis, Keys } from '@chasqui/store'
import type { RedisClient } from '@chasqui/store'
import type { FastifyInstance } from 'fastify'
import type { AddressInfo } from 'node:net'

import { buildApp } from '../src/app.ts'
import type { ApiKey } from '../src/api-keys.ts'
import type { Context } from '../src/context.ts'
import { producerMetrics } from '../src/metrics.ts'
import { assemble } from '../src/producer.ts'

export const SENDER: Sender = {
  id: 'main-br',
  phoneNumberId: '106540352242922',
  wabaId: '102290129340398',
  accessTokenEnv: 'WA_TOKEN_BR',
  messagesPerSecond: 80,
  maxMessagesPerSecond: null,
  baseUrl: null,
  correlation: 'callback_data',
}

/** A campaign whose template greets by first name. */
export const CAMPAIGN = {
  name: 'black-friday-br',
  sender: 'main-br',
  template: {
    name: 'bf_2026',
    language: 'pt_BR',
    components: [{ type: 'body', parameters: [{ type: 'text', text: '{{first_name}}' }] }],
  },
}

export type Answer = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON; `undefined` where it is none. */
  readonly body: AnswerBody
}

/** Fields of the answers that tests take further; each answer has some of them. */
export type AnswerBody = {
  readonly id: string
  readonly name: string
  readonly status: string | number
  readonly reason: string | null
  readonly code: string
  readonly launchedAt: string
  readonly accepted: number
  readonly duplicates: number
  readonly counts: Readonly<Record<string, number>>
  readonly errors?: readonly { readonly pointer?: string; readonly parameter?: string }[]
  readonly rejections: readonly { readonly line: number; readonly reason: string; readonly column: string | null }[]
  readonly campaigns: readonly { readonly id: string }[]
  readonly cursor: string
  readonly forecast: Readonly<Record<string, unknown>>
  readonly intake: Readonly<Record<string, unknown>>
  readonly runs: readonly { readonly id: string; readonly at: string }[]
  readonly senders: readonly Readonly<Record<string, unknown>>[]
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** The API in this process, on a real socket and a real Redis of its own. */
export type Api = {
  readonly app: FastifyInstance
  readonly context: Context
  readonly port: number
  readonly client: RedisClient
  readonly keys: Keys
  readonly redis: PrivateRedis
  readonly call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Answer>
  /** Create a campaign, answer its id. */
  readonly create: (change?: Readonly<Record<string, unknown>>) => Promise<string>
  readonly upload: (id: string, csv: string, query?: string) => Promise<Answer>
  readonly stop: () => Promise<void>
}

export async function startApi(
  options: {
    readonly apiKeys?: readonly ApiKey[]
    readonly redisUrl?: string
    readonly rateCard?: RateCard
    readonly redisConfig?: Readonly<Record<string, string>>
  } = {},
): Promise<Api> {
  const redis = await startRedis({ config: options.redisConfig ?? {} })
  const client = connectRedis(options.redisUrl ?? redis.url, 'api', () => {})
  const prefix = 'test'
  const schedule = new ScheduleQueue(client, prefix)
  const queue = new SendQueue(client, prefix, SENDER.id)
  const stopping = new AbortController()
  const context = assemble({
    settings: {
      REDIS_PREFIX: prefix,
      API_KEYS: options.apiKeys ?? [],
      RATE_CARD: options.rateCard ?? null,
      INTAKE_MEMORY_PERCENT: 85,
    },
    configured: new Map([[SENDER.id, SENDER]]),
    client,
    queues: new Map([[SENDER.id, queue]]),
    schedule,
    logger: createLogger({ name: 'test', level: 'silent' }),
    metrics: producerMetrics(createMetrics({ app: 'producer' })),
    stopping: stopping.signal,
  })
  const app = await buildApp(context)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const call: Api['call'] = async (method, path, body, headers = {}) => await request(port, method, path, body, headers)
  return {
    app,
    context,
    port,
    client,
    keys: new Keys(prefix),
    redis,
    call,
    create: async (change = {}) => {
      const created = await call('POST', '/v1/campaigns', { ...CAMPAIGN, ...change })
      if (created.status !== 201) throw new Error(created.text)
      return created.body.id
    },
    upload: async (id, csv, query = '') =>
      await call('POST', `/v1/campaigns/${id}/recipients${query}`, csv, { 'content-type': 'text/csv' }),
    stop: async () => {
      stopping.abort()
      await app.close()
      await Promise.all([schedule.close(), queue.close()])
      await closeRedis(client)
      await redis.stop()
    },
  }
}

export async function request(
  port: number,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const isText = typeof body === 'string' || body instanceof Uint8Array || body === undefined
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { ...(isText ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: parsed(text) as AnswerBody }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
