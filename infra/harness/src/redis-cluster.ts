import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { Redis } from 'ioredis'

import { freePort } from './free-port.ts'
import { startRedis } from './redis.ts'
import type { PrivateRedis, RedisOptions } from './redis.ts'

const SLOTS = 16_384
const FORMED_WITHIN_MS = 20_000

/** A Redis Cluster of three masters without replicas, all slots assigned, on this machine alone. */
export interface PrivateRedisCluster {
  /** All nodes, separated by commas, as `REDIS_URL` takes them. */
  readonly url: string
  readonly nodes: readonly PrivateRedis[]
  /** Resolves when every node holds the cluster for whole, as it is some time after a node came back. */
  formed(): Promise<void>
  stop(): Promise<void>
}

/** Each node is a private Redis as `startRedis` gives it: it keeps its data and its place in the cluster over `restart`. */
export async function startRedisCluster(options: Pick<RedisOptions, 'config'> = {}): Promise<PrivateRedisCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-cluster-'))
  const nodes: PrivateRedis[] = []
  const busPorts: number[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map(async (node) => await node.stop()))
    await rm(folder, { recursive: true, force: true })
  }
  const formed = async (): Promise<void> => await untilFormed(nodes)
  try {
    for (const name of ['a', 'b', 'c']) {
      const busPort = await freePort()
      const config = {
        ...options.config,
        'cluster-enabled': 'yes',
        'cluster-port': String(busPort),
        'cluster-node-timeout': '2000',
      }
      nodes.push(await startRedis({ dir: join(folder, name), config }))
      busPorts.push(busPort)
    }
    await introduce(nodes, busPorts)
    await formed()
  } catch (error) {
    await stop()
    throw error
  }
  return { url: nodes.map(({ url }) => url).join(','), nodes, formed, stop }
}

/** Share out the slots, and introduce the first node to the others: the rest of the way is gossip. */
async function introduce(nodes: readonly PrivateRedis[], busPorts: readonly number[]): Promise<void> {
  for (const [index, node] of nodes.entries()) {
    const from = Math.floor((SLOTS * index) / nodes.length)
    const to = Math.floor((SLOTS * (index + 1)) / nodes.length) - 1
    await ask(node, 'ADDSLOTSRANGE', from, to)
    // Without an epoch of its own each, two nodes would have to fight one out first.
    await ask(node, 'SET-CONFIG-EPOCH', index + 1)
  }
  const [first, ...others] = nodes
  for (const [index, other] of others.entries())
    if (first !== undefined) await ask(first, 'MEET', '127.0.0.1', other.port, busPorts[index + 1] ?? 0)
}

async function untilFormed(nodes: readonly PrivateRedis[]): Promise<void> {
  const deadline = Date.now() + FORMED_WITHIN_MS
  for (const node of nodes) {
    for (;;) {
      const info = await ask(node, 'INFO')
      if (info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes.length}`)) break
      if (Date.now() > deadline) throw new Error(`the cluster did not form within ${FORMED_WITHIN_MS} ms: ${info}`)
      await sleep(50)
    }
  }
}

async function ask(node: PrivateRedis, ...words: readonly (string | number)[]): Promise<string> {
  const client = new Redis(node.url, { lazyConnect: true, retryStrategy: () => null })
  try {
    await client.connect()
    return String(await client.call('CLUSTER', ...words.map(String)))
  } finally {
    client.disconnect()
  }
}
