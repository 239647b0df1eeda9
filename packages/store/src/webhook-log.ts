import { bodiesIn, fieldIn, fieldsOf } from './body-pack.ts'
import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const TRIM = loadScript('trim-log')
const FORGET_CONSUMERS = loadScript('forget-consumers')

/** The consumer group that folds. */
export const GROUP = 'fold'
/** An entry another consumer has held for this long is taken over: it died, or it is so slow that twice does no harm, ms. */
const TAKE_OVER_MS = 5_000
/** Bounded steps a trim takes; what is left by then is for the next. */
const TRIM_STEPS_MAX = 50
/** A consumer that has not asked for this long is no process any more, ms; a living one asks twice a second. */
const CONSUMER_SILENT_MS = 3_600_000

/** Bodies that were stored together. */
export type LogEntry = {
  readonly id: string
  /** When Redis took them in, ms. */
  readonly at: number
  /** What it takes in Redis. */
  readonly bytes: number
  /** As they came, made out of what lies in Redis only now: many large entries at once need not fit into memory. */
  readonly unpack: () => readonly Buffer[]
}

/** How far folding is behind. */
export type LogBacklog = {
  /** Entries stored. */
  readonly entries: number
  /** Entries that no consumer has fetched, and those fetched and not yet folded. */
  readonly unfolded: number
}

/** How much of what is folded stays, for replays. */
type LogBounds = {
  /** Entries from before this, ms by Redis, go. */
  readonly since: number
  /** Bytes of Redis' memory the log may take; what is not folded stays all the same. */
  readonly bytes: number
}

/**
 * The accepted webhook bodies, in a stream: what was answered 200 is in here first, and numbers are folded from it. A
 * consumer group shares it among status-workers; each entry is acknowledged when it is folded.
 */
export class WebhookLog {
  readonly #client: RedisClient
  readonly #blocking: RedisClient
  readonly #keys: Keys
  readonly #consumer: string
  #takeOverFrom = '0-0'

  /**
   * @param client for everything that answers at once. @param blocking for waiting on new entries: a connection of its own.
   * @param consumer unique to this process.
   */
  constructor(client: RedisClient, blocking: RedisClient, keys: Keys, consumer: string) {
    this.#client = client
    this.#blocking = blocking
    this.#keys = keys
    this.#consumer = consumer
  }

  /** Create the consumer group where there is none; it begins with the oldest entry, so none is passed over. */
  async open(): Promise<void> {
    try {
      await this.#client.xgroup('CREATE', this.#keys.webhookLog(), GROUP, '0', 'MKSTREAM')
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('BUSYGROUP')) throw error
    }
  }

  /** Store bodies as one entry. Resolves when Redis has them; storing them twice (a replay) folds to the same. */
  async append(bodies: readonly Buffer[]): Promise<void> {
    await this.#client.xadd(this.#keys.webhookLog(), '*', ...(await fieldsOf(bodies)))
  }

  /** The next entries for this consumer, at most `most`; waits up to `waitMs` for the first. */
  async read(most: number, waitMs: number): Promise<LogEntry[]> {
    const reply = await this.#blocking.xreadgroupBuffer(
      'GROUP',
      GROUP,
      this.#consumer,
      'COUNT',
      most,
      'BLOCK',
      waitMs,
      'STREAMS',
      this.#keys.webhookLog(),
      '>',
    )
    const streams = (reply ?? []) as ReadonlyArray<readonly [Buffer, readonly RawEntry[]]>
    return streams.flatMap(([, entries]) => entries.map(parseEntry))
  }

  /** Entries that a consumer fetched and never folded; call again and again, it goes round the log. */
  async takeOver(most: number): Promise<LogEntry[]> {
    const log = this.#keys.webhookLog()
    const reply = await this.#client.callBuffer(
      'XAUTOCLAIM',
      log,
      GROUP,
      this.#consumer,
      TAKE_OVER_MS,
      this.#takeOverFrom,
      'COUNT',
      most,
    )
    const [next, entries] = reply as [Buffer, readonly (RawEntry | null)[]]
    this.#takeOverFrom = next.toString()
    return entries.filter((entry) => entry !== null).map(parseEntry)
  }

  /** These entries are folded. */
  async acknowledge(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#client.xack(this.#keys.webhookLog(), GROUP, ...ids)
  }

  async backlog(): Promise<LogBacklog> {
    const log = this.#keys.webhookLog()
    const [entries, groups] = await Promise.all([this.#client.xlen(log), this.#client.xinfo('GROUPS', log)])
    const fields =
      (groups as ReadonlyArray<readonly unknown[]>).map(toRecord).find((group) => group['name'] === GROUP) ?? {}
    // Redis cannot always tell the lag after a trim; then everything stored may still be to do.
    const lag = typeof fields['lag'] === 'number' ? fields['lag'] : entries
    return { entries, unfolded: lag + Number(fields['pending'] ?? 0) }
  }

  /** Forget the oldest entries beyond the bounds, and consumers that are no more; never an entry that is not folded yet. */
  async trim({ since, bytes }: LogBounds): Promise<void> {
    const log = this.#keys.webhookLog()
    const [entries, taken] = await Promise.all([
      this.#client.xlen(log),
      this.#client.memory('USAGE', log, 'SAMPLES', 20),
    ])
    if (taken === null || entries === 0) return
    const most = Math.max(1, Math.floor((entries * bytes) / taken))
    const args = [GROUP, Math.max(0, Math.floor(since)), most]
    for (let step = 0, more = true; more && step < TRIM_STEPS_MAX; step += 1)
      more = Number(await TRIM.run(this.#client, [log], args)) > 0
    await FORGET_CONSUMERS.run(this.#client, [log], [GROUP, CONSUMER_SILENT_MS])
  }
}

export type RawEntry = readonly [Buffer, readonly Buffer[]]

export function parseEntry([id, fields]: RawEntry): LogEntry {
  const text = id.toString()
  const bytes = fields.reduce((sum, field) => sum + field.length, 0)
  // What was a dead letter for a while came when it came first.
  const at = Number(fieldIn(fields, 'at') ?? Number.parseInt(text, 10))
  return { id: text, at, bytes, unpack: () => bodiesIn(fields) }
}

export function toRecord(flat: readonly unknown[]): Record<string, unknown> {
  const record: Record<string, unknown> = {}
  for (let index = 0; index + 1 < flat.length; index += 2) record[String(flat[index])] = flat[index + 1]
  return record
}
