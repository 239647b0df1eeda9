import { Redis } from 'ioredis'

/** What the bench reads of Redis' INFO. */
export type RedisCounters = {
  /**
   * Commands Redis has run. It counts each `redis.call` inside a script as a command of its own, beside the EVALSHA that
   * came over the wire (seen on 7.0: a script with 10 SETs adds 11), so this is the strictest count there is.
   */
  readonly commands: number
  /** The same by command, lower case. */
  readonly callsByCommand: ReadonlyMap<string, number>
  /** All memory Redis has in use for what it keeps: values, keys, tables, scripts; not what connections and the AOF hold. */
  readonly keyBytes: number
}

/** Reads INFO on a connection of its own; that adds a handful of commands to what it counts. */
export async function readRedisCounters(url: string): Promise<RedisCounters> {
  const redis = new Redis(url)
  try {
    return parseCounters(await redis.info('everything'))
  } finally {
    redis.disconnect()
  }
}

export function parseCounters(info: string): RedisCounters {
  const calls = [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)]
  return {
    commands: numberOf(info, 'total_commands_processed'),
    callsByCommand: new Map(calls.map(([, name = '', count]) => [name, Number(count)])),
    keyBytes: numberOf(info, 'used_memory') - numberOf(info, 'mem_clients_normal') - numberOf(info, 'mem_aof_buffer'),
  }
}

function numberOf(info: string, field: string): number {
  const value = new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1]
  if (value === undefined) throw new Error(`Redis' INFO has no ${field}`)
  return Number(value)
}

/** The commands that were called most between two readings, for each of `units`: `evalsha 0.03, get 0.02`. */
export function busiestCommands(from: RedisCounters, to: RedisCounters, units: number, most = 4): string {
  return [...to.callsByCommand]
    .map(([name, calls]) => ({ name, calls: calls - (from.callsByCommand.get(name) ?? 0) }))
    .toSorted((a, b) => b.calls - a.calls)
    .slice(0, most)
    .map(({ name, calls }) => `${name} ${Number((calls / units).toPrecision(2))}`)
    .join(', ')
}
