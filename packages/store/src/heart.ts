import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const BEAT = loadScript('beat')

/** A process that is silent for longer than this is gone, ms. */
const KEPT_MS = 7 * 86_400_000

/** What one beat told. */
export type Beat = {
  readonly epoch: number
  readonly beat: number
  /** Why an operator stopped everything; `null`: nobody did. */
  readonly stopped: string | null
  /** Why nothing is claimed until somebody releases it; `null`: it is not quarantined. */
  readonly quarantine: string | null
}

/**
 * The kill switch and the guard against a Redis that has gone backwards (a stale replica promoted, a torn or restored
 * file, another instance at the same address): then the ledger is older than what was done, and claiming from it would
 * send twice.
 */
export class Heart {
  readonly #client: RedisClient
  readonly #keys: Keys
  readonly #member: string

  /** @param member unique to this process. */
  constructor(client: RedisClient, keys: Keys, member: string) {
    this.#client = client
    this.#keys = keys
    this.#member = member
  }

  /** @param remembered the last beat of this process; `null`: this is the first. */
  async beat(remembered: Pick<Beat, 'epoch' | 'beat'> | null): Promise<Beat> {
    const [epoch, beat, stopped, quarantine] = (await BEAT.run(
      this.#client,
      [this.#keys.heart(), this.#keys.stopped(), this.#keys.beat(this.#member)],
      [KEPT_MS, remembered?.epoch ?? 0, remembered?.beat ?? 0],
    )) as [number, number, string, string]
    return { epoch, beat, stopped: stopped === '' ? null : stopped, quarantine: quarantine === '' ? null : quarantine }
  }

  /** Nothing is claimed by any worker until somebody releases it. */
  async quarantine(why: string): Promise<void> {
    await this.#client.hset(this.#keys.heart(), 'quarantine', why)
  }

  /** Trust the ledger as it is now; a new epoch begins, in which workers forget the beats they remember. */
  async release(): Promise<void> {
    await this.#client.multi().hdel(this.#keys.heart(), 'quarantine').hincrby(this.#keys.heart(), 'epoch', 1).exec()
  }

  /** The kill switch: no worker claims anything, within a second or two, until it is lifted. */
  async stopEverything(why: string): Promise<void> {
    await this.#client.set(this.#keys.stopped(), why)
  }

  async goOn(): Promise<void> {
    await this.#client.del(this.#keys.stopped())
  }
}

/** Whether Redis has gone backwards, by the latest beat of this process that it remembers. A later epoch is a new beginning. */
export function hasGoneBackwards(
  remembered: Pick<Beat, 'epoch' | 'beat'> | null,
  now: Pick<Beat, 'epoch' | 'beat'>,
): boolean {
  if (remembered === null || now.epoch > remembered.epoch) return false
  return now.epoch < remembered.epoch || now.beat <= remembered.beat
}
