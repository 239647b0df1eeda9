/**
 * Counts by two words, until somebody asks. A counter of the metrics library makes a key of its labels and looks it up each
 * time, which at one a message is felt; here it does so once a scrape.
 */
export class Tally {
  readonly #counts = new Map<string, Map<string, number>>()

  add(first: string, second: string): void {
    let counts = this.#counts.get(first)
    if (counts === undefined) this.#counts.set(first, (counts = new Map<string, number>()))
    counts.set(second, (counts.get(second) ?? 0) + 1)
  }

  /** Tells what was counted since it was last empty. */
  empty(tell: (first: string, second: string, count: number) => void): void {
    for (const [first, counts] of this.#counts) for (const [second, count] of counts) tell(first, second, count)
    this.#counts.clear()
  }
}
