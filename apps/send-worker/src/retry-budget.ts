/** Of all requests of a sender so many may be second tries; the rest of the limit is for people who were not tried yet. */
const SHARE = 0.1
/** Tries in a burst that are let through as they come. */
const BURST = 20
const MEASURE_MS = 1_000
/** A sender that hardly sends still tries again now and then: requests a ms. */
const PACE_MIN = 0.01

/**
 * Spreads second tries over time when many are asked for at once, so that a spell of refusals does not turn into a storm of
 * retries that eats the sender's limit (Google, "Site Reliability Engineering", chapter 22: retry budgets). A leaky bucket
 * that drains at a tenth of the pace of requests. Each process keeps its own, by its own pace: together they keep the share.
 */
export class RetryBudget {
  #perMs = PACE_MIN
  #requests = 0
  #since: number
  /** When the bucket is empty, ms. */
  #empty = 0

  /** @param now ms; the clock of all other times here. */
  constructor(now: number) {
    this.#since = now
  }

  /** A request was answered. */
  note(now: number): void {
    this.#requests += 1
    const elapsed = now - this.#since
    if (elapsed < MEASURE_MS) return
    this.#perMs = Math.max(PACE_MIN, (this.#perMs + this.#requests / elapsed) / 2)
    this.#requests = 0
    this.#since = now
  }

  /** How much later than it would be the next try that is asked for now has to be, ms. */
  delay(now: number): number {
    const each = 1 / (SHARE * this.#perMs)
    this.#empty = Math.max(this.#empty, now) + each
    return Math.max(0, this.#empty - now - BURST * each)
  }
}
