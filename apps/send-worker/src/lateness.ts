/** Meta's clock and the network get this much; what leaves later must have asked for it, ms. */
const LEAST_MS = 12
/** A process that is later than this loses slots rather than make all go slower, ms. */
const MOST_MS = 150
const KEPT = 256
/** Few may be later than what is wished for: they lose their slot and take another. */
const PERCENTILE = 0.98

/** How late this process is: a busy machine, a slow Redis or a pause of the garbage collector make messages leave after their slot. */
export class Lateness {
  readonly #recent = new Float64Array(KEPT)
  #told = 0

  /** A message left, or wanted to leave, this long after its slot, ms. */
  note(ms: number): void {
    this.#recent[this.#told % KEPT] = ms
    this.#told += 1
  }

  /** How late messages should be allowed to leave, ms: what nearly all of the last ones needed. */
  wish(): number {
    const known = this.#recent.slice(0, Math.min(this.#told, KEPT)).toSorted()
    const needed = known[Math.floor(known.length * PERCENTILE)] ?? 0
    return Math.round(Math.min(MOST_MS, Math.max(LEAST_MS, needed)))
  }
}
