import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { GROUP, parseEntry, toRecord } from './webhook-log.ts'
import type { LogEntry, RawEntry } from './webhook-log.ts'

/** Entries a read: half a MB each at most, but for single bodies of up to 4. */
const PAGE = 8

/** How far back the log of webhooks goes. */
export type LogReach = {
  /** When its oldest entry came, ms; `null`: it is empty. */
  readonly from: number | null
  /** Nothing was ever forgotten: it goes back to the first webhook there was. */
  readonly whole: boolean
  /** The latest entry there ever was. */
  readonly last: string
}

/** `null` where there is no log. */
export async function logReach(client: RedisClient, keys: Keys): Promise<LogReach | null> {
  const log = keys.webhookLog()
  if ((await client.exists(log)) === 0) return null
  const fields = toRecord((await client.xinfo('STREAM', log)) as readonly unknown[])
  const [first] = await client.xrange(log, '-', '+', 'COUNT', 1)
  return {
    from: first === undefined ? null : Number.parseInt(first[0], 10),
    whole: fields['entries-added'] === fields['length'],
    last: String(fields['last-generated-id']),
  }
}

/** Tells of an entry whether it was surely folded when this was asked. */
export async function foldedSoFar(client: RedisClient, keys: Keys): Promise<(id: string) => boolean> {
  const log = keys.webhookLog()
  // In this order: what is fetched in between is beyond the first answer, whatever the second says.
  const groups = (await client.xinfo('GROUPS', log)) as readonly (readonly unknown[])[]
  const fetched = groups.map(toRecord).find(({ name }) => name === GROUP)?.['last-delivered-id']
  const [, open] = (await client.xpending(log, GROUP)) as [number, string | null, ...unknown[]]
  if (typeof fetched !== 'string') return () => false
  return (id) => !isBefore(fetched, id) && (open === null || isBefore(id, open))
}

/** Entries from a time (ms) up to and with one of them, oldest first, a few at a time. */
export async function* walkLog(client: RedisClient, keys: Keys, from: number, last: string): AsyncGenerator<LogEntry> {
  for (let start = `${Math.max(0, Math.floor(from))}-0`; ;) {
    const page = (await client.xrangeBuffer(keys.webhookLog(), start, last, 'COUNT', PAGE)) as readonly RawEntry[]
    yield* page.map(parseEntry)
    const end = page.at(-1)
    if (end === undefined || page.length < PAGE) return
    start = `(${end[0].toString()}`
  }
}

function isBefore(left: string, right: string): boolean {
  const [[leftMs = 0, leftSeq = 0], [rightMs = 0, rightSeq = 0]] = [left, right].map((id) =>
    id.split('-').map(Number),
  ) as [number[], number[]]
  return leftMs === rightMs ? leftSeq < rightSeq : leftMs < rightMs
}
