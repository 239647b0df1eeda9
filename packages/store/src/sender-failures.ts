import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const NOTE = loadScript('note-failures')

/** How it failed: by the answer to a send, whatever followed from it; or by a `failed` status. */
export const FAILURE_WAYS = ['refused', 'failed'] as const
export type FailureWay = (typeof FAILURE_WAYS)[number]

/** What failed of a sender: by code (`other`: beyond what a day holds), how often in each way. */
export type SenderFailure = { readonly code: string; readonly refused: number; readonly failed: number }

/** Days that can be asked for, today among them. */
export const FAILURE_DAYS_MAX = 7
const KEPT_S = (FAILURE_DAYS_MAX + 1) * 86_400
const DAY_MS = 86_400_000
const FLUSH_EVERY_MS = 1_000

/** Failures of senders by day (UTC) and code. */
export class SenderFailures {
  readonly #client: RedisClient
  readonly #keys: Keys

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  /** Add to a day; told again under the same number it changes nothing. `teller`: unique to the process. */
  async note(
    sender: string,
    day: number,
    counts: ReadonlyMap<string, number>,
    teller: string,
    number: number,
  ): Promise<void> {
    await NOTE.run(this.#client, [this.#keys.failures(sender, day)], [teller, number, KEPT_S, ...[...counts].flat()])
  }

  /** What failed in the last days, the most first. `now`: ms since 1970. `days`: at most {@link FAILURE_DAYS_MAX}. */
  async read(sender: string, now: number, days: number): Promise<SenderFailure[]> {
    const today = dayOf(now)
    const stored = await Promise.all(
      Array.from(
        { length: days },
        async (_, ago) => await this.#client.hgetall(this.#keys.failures(sender, today - ago)),
      ),
    )
    const byCode = new Map<string, { code: string; refused: number; failed: number }>()
    for (const [field, count] of stored.flatMap((day) => Object.entries(day))) {
      const [way = '', code = ''] = field.split(':')
      if (way !== 'refused' && way !== 'failed') continue
      const known = byCode.get(code) ?? { code, refused: 0, failed: 0 }
      known[way] += Number(count)
      byCode.set(code, known)
    }
    return [...byCode.values()].toSorted((a, b) => b.refused + b.failed - a.refused - a.failed)
  }
}

/** The day of a moment (ms), counted from 1970, UTC. */
export function dayOf(now: number): number {
  return Math.floor(now / DAY_MS)
}

/**
 * Gathers failures in memory and tells Redis now and then: they come by the hundred a second when something is wrong. What
 * a killed process had not told is missing here; a campaign's own failures are exact.
 */
export class FailureNotes {
  readonly #failures: Pick<SenderFailures, 'note'>
  readonly #teller: string
  readonly #gathered = new Map<string, Map<string, number>>()
  /** Told again until Redis has taken it, in the same words. */
  readonly #telling: {
    readonly sender: string
    readonly day: number
    readonly counts: ReadonlyMap<string, number>
    readonly number: number
  }[] = []
  #told = 0

  #timer: NodeJS.Timeout | null = null
  #flushing: Promise<void> = Promise.resolve()

  /** @param teller unique to the process. */
  constructor(failures: Pick<SenderFailures, 'note'>, teller: string) {
    this.#failures = failures
    this.#teller = teller
  }

  /** Tell Redis every so often. @param now ms since 1970. */
  start(now: () => number): void {
    // What could not be told is told again the next time.
    this.#timer = setInterval(() => void this.flush(now()).catch(() => {}), FLUSH_EVERY_MS)
  }

  /** Tell the rest, unless Redis is away. */
  async stop(now: number): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.flush(now).catch(() => {})
  }

  add(sender: string, way: FailureWay, code: number, recipients = 1): void {
    const counts = this.#gathered.get(sender) ?? new Map<string, number>()
    const field = `${way}:${code}`
    counts.set(field, (counts.get(field) ?? 0) + recipients)
    this.#gathered.set(sender, counts)
  }

  /** @param now ms since 1970. @throws what Redis answers; the next flush tells it again. */
  async flush(now: number): Promise<void> {
    for (const [sender, counts] of this.#gathered)
      this.#telling.push({ sender, day: dayOf(now), counts, number: ++this.#told })
    this.#gathered.clear()
    // One after the other: what is told carries numbers that must grow.
    const flushing = this.#flushing.then(async () => await this.#tell())
    this.#flushing = flushing.catch(() => {})
    await flushing
  }

  async #tell(): Promise<void> {
    for (let next = this.#telling[0]; next !== undefined; next = this.#telling[0]) {
      await this.#failures.note(next.sender, next.day, next.counts, this.#teller, next.number)
      this.#telling.shift()
    }
  }
}
