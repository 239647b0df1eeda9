/** What came first goes first, at the same cost however many wait; an array alone moves all of them at each step. */
export class Fifo<T> {
  #items: T[] = []
  #next = 0

  get isEmpty(): boolean {
    return this.#next === this.#items.length
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    const item = this.#items[this.#next]
    if (item === undefined) return undefined
    this.#next += 1
    if (this.#next >= COMPACT_AT || this.#next === this.#items.length) {
      this.#items = this.#items.slice(this.#next)
      this.#next = 0
    }
    return item
  }
}

/** What has gone is let go of after so many. */
const COMPACT_AT = 256
