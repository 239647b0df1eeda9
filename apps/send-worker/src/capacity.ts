/**
 * How many recipients may be claimed and not yet settled in this process. Claims ahead of the connections keep them busy
 * across a round trip to Redis, but a claim must not grow old in a queue: so the room ahead follows the pace at which
 * answers come, some `AHEAD_MS` of it.
 */
export class Capacity {
  readonly #connections: number
  readonly #now: () => number
  readonly #waiting: Waiter[] = []
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
  take(most: number, signal: AbortSignal): Promise<number> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(0)
      const waiter: Waiter = {
        most,
        serve: (places) => {
          signal.removeEventListener('abort', giveUp)
          resolve(places)
        },
      }
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        resolve(0)
      }
      signal.addEventListener('abort', giveUp, { once: true })
      this.#waiting.push(waiter)
      this.#serve()
    })
  }

  /** `answered`: places whose messages were answered, which tells the pace; the rest were never used. */
  giveBack(places: number, answered: boolean): void {
    this.#taken -= places
    if (answered) this.#measure(places, this.#now())
    this.#serve()
  }

  /** A message was answered at `now`, monotonic ms. */
  answered(now: number): void {
    this.#taken -= 1
    this.#measure(1, now)
    this.#serve()
  }

  /** The first in line is served as soon as it is worth it; nobody is woken in vain. */
  #serve(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const free = this.#total() - this.#taken
      if (free < Math.min(first.most, this.#worthwhile()) && (this.#taken > 0 || free <= 0)) return
      const places = Math.min(first.most, free)
      this.#taken += places
      this.#waiting.shift()
      first.serve(places)
    }
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

  #measure(places: number, now: number): void {
    this.#returned += places
    const elapsed = now - this.#since
    if (elapsed < MEASURE_MS) return
    this.#perMs = this.#perMs * 0.5 + (this.#returned / elapsed) * 0.5
    this.#returned = 0
    this.#since = now
  }
}

type Waiter = { readonly most: number; readonly serve: (places: number) => void }

/** How much work at the present pace may lie claimed ahead of the connections, ms. */
const AHEAD_MS = 100
/** Ahead of the connections at most; a window of this size is a good trade of round trips against age. */
const MOST_AHEAD = 512
const MEASURE_MS = 100
