import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const BEAT = loadScript('beat')
const STOP = loadScript('stop-everything')
const START = loadScript('start-again')
const QUARANTINE = loadScript('quarantine-ledger')
const RELEASE = loadScript('release-ledger')

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
  readonly #name: string

  /** @param member unique to this process. @param name what operators know it by. */
  constructor(client: RedisClient, keys: Keys, member: string, name: string = member) {
    this.#client = client
    this.#keys = keys
    this.#member = member
    this.#name = name
  }

  /** @param remembered the last beat of this process; `null`: this is the first. */
  async beat(remembered: Pick<Beat, 'epoch' | 'beat'> | null): Promise<Beat> {
    const [epoch, beat, stopped, quarantine] = (await BEAT.run(
      this.#client,
      [this.#keys.heart(), this.#keys.stopped(), this.#keys.beat(this.#member)],
      [KEPT_MS, remembered?.epoch ?? 0, remembered?.beat ?? 0],
    )) as [number, number, string, string]
    return {
      epoch,
      beat,
      stopped: stopped === '' ? null : inWords(parseOrder(stopped)),
      quarantine: quarantine === '' ? null : quarantine,
    }
  }

  /** Nothing is claimed by any worker until somebody releases it. The first reason stays. */
  async quarantine(why: string): Promise<void> {
    await QUARANTINE.run(this.#client, [this.#keys.heart()], [why, this.#name])
  }

  /** Trust the ledger as it is now; a new epoch begins, in which workers forget the beats they remember. False: it is not quarantined. */
  async release(why: string, who: string): Promise<boolean> {
    return (await RELEASE.run(this.#client, [this.#keys.heart()], [why, who])) === 1
  }

  /** The kill switch: no worker claims or sends anything, within a second or two, until it is lifted. An order that holds already stays. */
  async stopEverything(why: string, who: string): Promise<void> {
    await STOP.run(this.#client, [this.#keys.stopped()], [why, who])
  }

  /** Lift the kill switch. False: it was not pulled. */
  async goOn(): Promise<boolean> {
    const order = await this.#client.get(this.#keys.stopped())
    return order !== null && (await START.run(this.#client, [this.#keys.stopped()], [order])) === 1
  }

  /** What keeps all workers from claiming, and how it last ended. */
  async state(): Promise<HeartState> {
    const [order, fields] = await Promise.all([
      this.#client.get(this.#keys.stopped()),
      this.#client.hmget(this.#keys.heart(), 'quarantine', 'quarantineBy', 'quarantineSince', 'released'),
    ])
    const [quarantine, by, since, released] = fields
    return {
      stopped: order === null ? null : parseOrder(order),
      quarantine:
        quarantine == null ? null : { why: quarantine, who: by ?? null, since: since == null ? null : Number(since) },
      released: released == null ? null : (JSON.parse(released) as Release),
    }
  }
}

/** Who ordered or saw something that stops all, why, and since when (ms); `null` where that was set by hand in Redis. */
export type StandingOrder = { readonly why: string; readonly who: string | null; readonly since: number | null }

/** How a quarantine ended: `quarantine` is why there was one. `at`: ms. */
export type Release = {
  readonly why: string
  readonly who: string
  readonly at: number
  readonly quarantine: string
}

export type HeartState = {
  readonly stopped: StandingOrder | null
  readonly quarantine: StandingOrder | null
  readonly released: Release | null
}

/** An order as `stop-everything.lua` writes it, or the bare text that somebody set in Redis itself. */
function parseOrder(text: string): StandingOrder {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed !== 'object' || parsed === null) return bare(text)
    const { why, who, since } = parsed as Partial<StandingOrder>
    return typeof why === 'string' ? { why, who: who ?? null, since: since ?? null } : bare(text)
  } catch {
    return bare(text)
  }
}

function inWords({ why, who, since }: StandingOrder): string {
  const by = who === null ? '' : ` by ${who}`
  const at = since === null ? '' : ` at ${new Date(since).toISOString()}`
  return `everything was stopped${by}${at}: ${why}`
}

function bare(text: string): StandingOrder {
  return { why: text, who: null, since: null }
}

/** Whether Redis has gone backwards, by the latest beat of this process that it remembers. A later epoch is a new beginning. */
export function hasGoneBackwards(
  remembered: Pick<Beat, 'epoch' | 'beat'> | null,
  now: Pick<Beat, 'epoch' | 'beat'>,
): boolean {
  if (remembered === null || now.epoch > remembered.epoch) return false
  return now.epoch < remembered.epoch || now.beat <= remembered.beat
}
