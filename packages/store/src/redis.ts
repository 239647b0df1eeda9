import { Cluster, Redis } from 'ioredis'
import type { RedisOptions } from 'ioredis'

/** One Redis or a Redis Cluster: everything above this file treats them alike. */
export type RedisClient = Redis | Cluster

/**
 * What a connection is for; each fails in the way its users need.
 *
 * - `ledger`: claims, settles, folds. A silent connection is given up after seconds (a black hole would otherwise last
 *   some 15 minutes, the kernel's `tcp_retries2`); commands are re-sent after a reconnect, every script bears that.
 * - `blocking`: waits for jobs or stream entries, for as long as it takes.
 * - `api`: a caller waits at the other end: fail within seconds rather than queue up.
 */
export type ConnectionRole = 'ledger' | 'blocking' | 'api'

const COMMON = {
  connectTimeout: 5_000,
  retryStrategy: (times: number): number => Math.min(100 * 2 ** Math.min(times, 5), 2_000),
} satisfies RedisOptions

const BY_ROLE = {
  ledger: { ...COMMON, commandTimeout: 5_000, socketTimeout: 10_000, maxRetriesPerRequest: null },
  blocking: { ...COMMON, commandTimeout: undefined, socketTimeout: undefined, maxRetriesPerRequest: null },
  api: { ...COMMON, commandTimeout: 3_000, socketTimeout: 10_000, maxRetriesPerRequest: 1 },
} satisfies Readonly<Record<ConnectionRole, RedisOptions>>

/**
 * Open a connection for a role.
 *
 * @param url `redis://…` or `rediss://…`; several, separated by commas, are the seeds of a Redis Cluster.
 * @param onError told of every connection error; ioredis reconnects by itself.
 */
export function connectRedis(url: string, role: ConnectionRole, onError: (error: Error) => void): RedisClient {
  const seeds = url.split(',').map((seed) => seed.trim())
  const [only, ...more] = seeds
  const client = more.length === 0 && only !== undefined ? new Redis(only, BY_ROLE[role]) : openCluster(seeds, role)
  client.on('error', onError)
  return client
}

function openCluster(seeds: readonly string[], role: ConnectionRole): Cluster {
  const first = new URL(seeds[0] ?? 'redis://127.0.0.1')
  const { commandTimeout, socketTimeout, connectTimeout, maxRetriesPerRequest } = BY_ROLE[role]
  return new Cluster([...seeds], {
    clusterRetryStrategy: COMMON.retryStrategy,
    redisOptions: {
      commandTimeout,
      socketTimeout,
      connectTimeout,
      maxRetriesPerRequest,
      ...(first.username === '' ? {} : { username: decodeURIComponent(first.username) }),
      ...(first.password === '' ? {} : { password: decodeURIComponent(first.password) }),
      ...(first.protocol === 'rediss:' ? { tls: {} } : {}),
    },
  })
}

/** `/readyz` waits for two seconds; who asks shall learn why and not only that nobody answered, ms. */
const ANSWER_PATIENCE_MS = 1_500

/** Why Redis cannot be worked with now, in words for people; `null`: it answers. Never waits for a connection. */
export async function whyAway(client: RedisClient): Promise<string | null> {
  if (client.status !== 'ready') return `Redis cannot be reached (the connection is ${client.status})`
  const { promise: late, resolve } = Promise.withResolvers<string>()
  const timer = setTimeout(() => resolve(`Redis has not answered for ${ANSWER_PATIENCE_MS} ms`), ANSWER_PATIENCE_MS)
  try {
    return await Promise.race([client.ping().then(() => null), late])
  } catch (error) {
    return `Redis does not answer as it should: ${error instanceof Error ? error.message : String(error)}`
  } finally {
    clearTimeout(timer)
  }
}

/** Close a connection, letting answers that are on their way arrive. */
export async function closeRedis(client: RedisClient): Promise<void> {
  if (client.status === 'ready') await client.quit().catch(() => client.disconnect())
  else client.disconnect()
}
