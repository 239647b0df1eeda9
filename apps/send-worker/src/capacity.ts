/**
 * How many recipients may be claimed and not yet settled in this process. Claims ahead of the connections keep them busy
 * across a round trip to Redis, but a claim must not grow old in a queue: so the room ahead follows the pace at which
 * answers come, some `AHEAD_MS` of it.
 */
export class Capacity {
  readonly #connections: number
  readonly #now: () => number
  readonly #waiting: Array<() => void> = []
  #taken = 0
  #perMs = 0
  #returned = 0
  #since: number

  /** @param connections requests in flight at most. @param now monotonic ms. */
  constructor(connections: number, now: () => number) {
    this.#connections = connections
    this.#now = now
    this.#since = now()
  }

  get taken(): number {
    return this.#taken
  }

  /** Places for up to `most`, at least one; waits until claiming is worth a round trip. 0 when `signal` aborts. */
  async take(most: number, signal: AbortSignal): Promise<number> {
    while (!signal.aborted) {
      const free = this.#total() - this.#taken
      if (free >= Math.min(most, this.#worthwhile()) || (this.#taken === 0 && free > 0)) {
        const places = Math.min(most, free)
        this.#taken += places
        return places
      }
      await this.#change(signal)
    }
    return 0
  }

  /** `answered`: places whose messages were answered, which tells the pace; the rest were never used. */
  giveBack(places: number, answered: boolean): void {
    this.#taken -= places
    if (answered) this.#measure(places)
    const woken = this.#waiting.splice(0)
    for (const wake of woken) wake()
  }

  #total(): number {
    return this.#connections + this.#ahead()
  }

  #ahead(): number {
    return Math.max(1, Math.min(MOST_AHEAD, Math.round(this.#perMs * AHEAD_MS)))
  }

  #worthwhile(): number {
    return Math.max(1, Math.round(this.#ahead() / 2))
  }

  #measure(places: number): void {
    this.#returned += places
    const elapsed = this.#now() - this.#since
    if (elapsed < MEASURE_MS) return
    this.#perMs = this.#perMs * 0.5 + (this.#returned / elapsed) * 0.5
    this.#returned = 0
    this.#since = this.#now()
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake)
        resolve()
      }
      signal.addEventListener('abort', wake, { once: true })
      this.#waiting.push(wake)
    })
  }
}

/** How much work at the present pace may lie claimed ahead of the connections, ms. */
const AHEAD_MS = 100
/** Ahead of the connections at most; a window of this size is a good trade of round trips against age. */
const MOST_AHEAD = 128
const MEASURE_MS = 100
