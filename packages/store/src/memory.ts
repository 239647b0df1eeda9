import { Cluster } from 'ioredis'

import type { RedisClient } from './redis.ts'

/**
 * How much of the memory that Redis may take it takes, from 0 to 1; in a cluster that of the fullest master. `null` where it
 * has no bound (`maxmemory 0`) or does not tell.
 */
export async function memoryShare(client: RedisClient): Promise<number | null> {
  const nodes = client instanceof Cluster ? client.nodes('master') : [client]
  const shares = await Promise.all(nodes.map(async (node) => shareIn(await infoOf(node))))
  const bounded = shares.filter((share) => share !== null)
  return bounded.length === 0 ? null : Math.max(...bounded)
}

/** `''` where asking is forbidden (managed services, a narrow ACL). */
async function infoOf(node: Pick<RedisClient, 'info'>): Promise<string> {
  try {
    return await node.info('memory')
  } catch (error) {
    if (error instanceof Error && /^(NOPERM|ERR unknown command)/.test(error.message)) return ''
    throw error
  }
}

function shareIn(info: string): number | null {
  const [used, most] = ['used_memory', 'maxmemory'].map((name) =>
    Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0),
  )
  return used === undefined || most === undefined || most === 0 ? null : used / most
}
