import type { Io } from './output.ts'

/** One line that follows what happens: rewritten in place on a terminal, and silent elsewhere. */
export class Ticker {
  readonly #out: Io['stderr']
  #shown = false

  constructor(out: Io['stderr']) {
    this.#out = out
  }

  get isLive(): boolean {
    return this.#out.isTTY === true
  }

  show(line: string): void {
    if (!this.isLive) return
    // A line that wraps could not be rewritten.
    this.#out.write(`\r\u001b[2K${line.slice(0, Math.max(20, (this.#out.columns ?? 80) - 1))}`)
    this.#shown = true
  }

  /** Leave the last line standing. */
  end(): void {
    if (this.#shown) this.#out.write('\n')
    this.#shown = false
  }
}
