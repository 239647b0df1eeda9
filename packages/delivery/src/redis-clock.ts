/**
 * Redis' time, estimated between answers: the worker's own clock is not trusted, and a monotonic one does not jump.
 * An answer's stamp is older than its arrival, so the estimate is at most a round trip behind and never ahead.
 */
export class RedisClock {
  readonly #monotonic: () => number
  #offset: number

  /** @param monotonic ms, never goes back: `performance.now`. @param now a first stamp of Redis, ms. */
  constructor(monotonic: () => number, now: number) {
    this.#monotonic = monotonic
    this.#offset = now - monotonic()
  }

  /** Ms since 1970 by Redis. */
  now(): number {
    return this.#monotonic() + this.#offset
  }

  /** The same for a moment that was read from the monotonic clock, ms. */
  at(monotonic: number): number {
    return monotonic + this.#offset
  }

  /** Told the stamp of every answer. */
  observe(now: number): void {
    this.#offset = now - this.#monotonic()
  }
}
