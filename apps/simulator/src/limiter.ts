/**
 * At most `limit` messages in any sliding second, exactly: the nth is let through only when the (n - limit)th is at
 * least a second old. Only what was let through counts. Remembers as many times as the highest limit it ever had: one
 * that was lowered and raised again within a second must still know that second.
 */
export class SlidingLimiter {
  #limit: number
  #times: Float64Array
  /** Messages let through ever; the newest lies at `(#passed - 1) % length`. */
  #passed = 0

  constructor(limit: number) {
    this.#limit = limit
    this.#times = new Float64Array(limit).fill(-Infinity)
  }

  /** `now` in milliseconds; it must not run backwards. `false`: too many. */
  take(now: number): boolean {
    if (now - this.#ago(this.#limit) < SECOND_MS) return false
    this.#times[this.#passed % this.#times.length] = now
    this.#passed++
    return true
  }

  /** Percent of the limit used in the second that ends now. Looks at some fifty places at most: it is only a gauge. */
  usage(now: number): number {
    const step = Math.max(1, Math.floor(this.#limit / 50))
    let inside = 0
    while (inside < this.#limit && now - this.#ago(inside + 1) < SECOND_MS) inside += step
    return Math.min(100, Math.round((100 * inside) / this.#limit))
  }

  /** From now on another limit. What was let through in the last second still counts. */
  resize(limit: number): void {
    if (limit > this.#times.length) this.#grow(limit)
    this.#limit = limit
  }

  /** When the message was let through that lies `count` back: 1 is the newest. */
  #ago(count: number): number {
    const place = this.#passed - count
    return place < 0 ? -Infinity : (this.#times[place % this.#times.length] ?? -Infinity)
  }

  #grow(length: number): void {
    const times = new Float64Array(length).fill(-Infinity)
    const known = Math.min(this.#passed, this.#times.length)
    for (let age = 1; age <= known; age++) times[known - age] = this.#ago(age)
    this.#times = times
    this.#passed = known
  }
}

const SECOND_MS = 1000

/** The most arrivals in any sliding second, counted as they come: the witness of a sender's rate limit. */
export class SlidingMax {
  #ring = new Float64Array(64)
  #head = 0
  #tail = 0
  max = 0

  /** `at` in milliseconds, never smaller than before. */
  add(at: number): void {
    while (this.#tail < this.#head && at - (this.#ring[this.#tail % this.#ring.length] ?? at) >= SECOND_MS) this.#tail++
    if (this.#head - this.#tail === this.#ring.length) this.#grow()
    this.#ring[this.#head++ % this.#ring.length] = at
    this.max = Math.max(this.max, this.#head - this.#tail)
  }

  #grow(): void {
    const held = Float64Array.from(
      { length: this.#ring.length },
      (_, i) => this.#ring[(this.#tail + i) % this.#ring.length] ?? 0,
    )
    this.#ring = new Float64Array(this.#ring.length * 2)
    this.#ring.set(held)
    this.#tail = 0
    this.#head = held.length
  }
}

/**
 * Messages from one number to one recipient: one every `everyMs`, with a burst borrowed from the future (GCRA).
 * Remembers only pairs that are still in debt.
 */
export class PairLimiter {
  /** Pair -> when its debt is paid, in milliseconds. */
  readonly #debts = new Map<string, number>()

  take(pair: string, now: number, limit: { readonly everyMs: number; readonly burst: number }): boolean {
    const paidAt = Math.max(this.#debts.get(pair) ?? 0, now)
    if (paidAt - now > limit.everyMs * (limit.burst - 1)) return false
    this.#debts.set(pair, paidAt + limit.everyMs)
    if (this.#debts.size >= PAIRS_BEFORE_SWEEP) this.#sweep(now)
    return true
  }

  /** Oldest pairs first, and a bounded number of them a call, so that no request pays for all. */
  #sweep(now: number): void {
    let looked = 0
    for (const [pair, paidAt] of this.#debts) {
      if (paidAt <= now) this.#debts.delete(pair)
      if (++looked === 16) return
    }
  }
}

const PAIRS_BEFORE_SWEEP = 10_000
