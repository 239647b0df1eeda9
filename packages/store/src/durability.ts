import { Redis } from 'ioredis'

import type { RedisClient } from './redis.ts'

/** What can be lost, in a sentence each, with Redis set as it is; what the promises of the README rest on. */
const WEAKER: readonly {
  readonly setting: string
  readonly holds: (value: string) => boolean
  readonly loses: string
}[] = [
  {
    setting: 'appendonly',
    holds: (value) => value === 'yes',
    loses: 'a restart of Redis loses everything since its last snapshot: campaigns, who was sent what, opt-outs',
  },
  {
    setting: 'appendfsync',
    holds: (value) => value === 'always',
    loses: 'a power cut loses up to a second or more of what was acknowledged, and may send those messages twice',
  },
  {
    setting: 'maxmemory-policy',
    holds: (value) => value === 'noeviction',
    loses: 'Redis may throw away keys when its memory is full: campaigns and opt-outs vanish without a trace',
  },
]

/**
 * How Redis is set where that is weaker than what is promised; empty when all is well or Redis does not tell. Of a
 * cluster each master is asked, for each keeps a part of everything.
 */
export async function durabilityWarnings(client: RedisClient): Promise<string[]> {
  if (client instanceof Redis) return await warningsOf(client, 'Redis')
  const warnings = await Promise.all(
    client.nodes('master').map(async (node) => {
      const { host = '', port = 0 } = node.options
      return await warningsOf(node, `the Redis node ${host}:${port}`)
    }),
  )
  return warnings.flat()
}

async function warningsOf(node: Redis, name: string): Promise<string[]> {
  const warnings: string[] = []
  for (const { setting, holds, loses } of WEAKER) {
    const value = await settingOf(node, setting)
    if (value !== null && !holds(value)) warnings.push(`${name} has ${setting} ${value}: ${loses}`)
  }
  return warnings
}

/** `null` where reading settings is forbidden (managed services, a narrow ACL). */
async function settingOf(client: Redis, setting: string): Promise<string | null> {
  try {
    const [, value] = await client.config('GET', setting)
    return value ?? null
  } catch (error) {
    if (error instanceof Error && /^(NOPERM|ERR unknown command)/.test(error.message)) return null
    throw error
  }
}
