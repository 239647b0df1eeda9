import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'

const GROUP = 'fold'
/** An entry another consumer has held for this long is taken over: it died, or it is so slow that twice does no harm, ms. */
const TAKE_OVER_MS = 5_000
const DEAD_LETTERS_MAX = 10_000

/** Bodies that were stored together. */
export type LogEntry = { readonly id: string; readonly bodies: readonly Buffer[] }

/** How far folding is behind. */
export type LogBacklog = {
  /** Entries stored. */
  readonly entries: number
  /** Entries that no consumer has fetched, and those fetched and not yet folded. */
  readonly unfolded: number
}

/** Why a webhook, or a part of it, could not be made use of. */
export type DeadLetter = { readonly reason: string; readonly body: string }

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

  /** Create the consumer group, once for all. */
  async open(): Promise<void> {
    try {
      await this.#client.xgroup('CREATE', this.#keys.webhookLog(), GROUP, '0', 'MKSTREAM')
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('BUSYGROUP')) throw error
    }
  }

  /** Store bodies as one entry. Resolves when Redis has them; storing them twice (a replay) folds to the same. */
  async append(bodies: readonly Buffer[]): Promise<void> {
    await this.#client.xadd(this.#keys.webhookLog(), '*', ...bodies.flatMap((body) => ['b', body]))
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
    const { entries, lag, pending } = await this.#group()
    return { entries, unfolded: lag + pending }
  }

  /**
   * Forget entries older than `keepMs` or beyond the newest `keepEntries`, but never one that is not folded yet.
   *
   * @param now ms by Redis.
   */
  async trim(now: number, keepMs: number, keepEntries: number): Promise<void> {
    const log = this.#keys.webhookLog()
    const { lag, pending, oldestPending, delivered } = await this.#group()
    const folded = oldestPending ?? delivered
    await this.#client.xtrim(log, 'MINID', '~', earlier(`${Math.max(0, Math.floor(now - keepMs))}-0`, folded))
    // By count only when nothing is held unacknowledged somewhere in the middle of the log.
    if (pending === 0) await this.#client.xtrim(log, 'MAXLEN', '~', Math.max(keepEntries, lag + 1_000))
  }

  /** Put aside what nobody could make use of, bounded: the newest stay. */
  async bury(letters: readonly DeadLetter[]): Promise<void> {
    await Promise.all(
      letters.map(
        async ({ reason, body }) =>
          await this.#client.xadd(
            this.#keys.deadLetters(),
            'MAXLEN',
            '~',
            DEAD_LETTERS_MAX,
            '*',
            'reason',
            reason,
            'body',
            body,
          ),
      ),
    )
  }

  async deadLetterCount(): Promise<number> {
    return await this.#client.xlen(this.#keys.deadLetters())
  }

  async #group(): Promise<Group> {
    const log = this.#keys.webhookLog()
    const [entries, groups, pending] = await Promise.all([
      this.#client.xlen(log),
      this.#client.xinfo('GROUPS', log),
      this.#client.xpending(log, GROUP),
    ])
    const fields =
      (groups as ReadonlyArray<readonly unknown[]>).map(toRecord).find((group) => group['name'] === GROUP) ?? {}
    const [count, oldest] = pending as [number, string | null]
    return {
      entries,
      // Redis cannot always tell the lag after a trim; then everything stored may still be to do.
      lag: typeof fields['lag'] === 'number' ? fields['lag'] : entries,
      pending: count,
      oldestPending: oldest,
      delivered: String(fields['last-delivered-id'] ?? '0-0'),
    }
  }
}

type RawEntry = readonly [Buffer, readonly Buffer[]]
type Group = {
  readonly entries: number
  readonly lag: number
  readonly pending: number
  readonly oldestPending: string | null
  readonly delivered: string
}

function parseEntry([id, fields]: RawEntry): LogEntry {
  return { id: id.toString(), bodies: fields.filter((_, index) => index % 2 === 1) }
}

function toRecord(flat: readonly unknown[]): Record<string, unknown> {
  const record: Record<string, unknown> = {}
  for (let index = 0; index + 1 < flat.length; index += 2) record[String(flat[index])] = flat[index + 1]
  return record
}

/** The earlier of two stream ids. */
function earlier(left: string, right: string): string {
  const [leftMs = 0, leftSeq = 0] = left.split('-').map(Number)
  const [rightMs = 0, rightSeq = 0] = right.split('-').map(Number)
  return leftMs < rightMs || (leftMs === rightMs && leftSeq < rightSeq) ? left : right
}
