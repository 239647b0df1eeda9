/** Stores bodies together; resolves when they are safe. */
export type StoreBodies = (bodies: readonly Buffer[]) => Promise<void>

/** Bodies that wait for Redis, at most: some seconds of the highest load. Beyond it Meta is asked to come back. */
const HELD_BODIES_MAX = 5_000
const HELD_BYTES_MAX = 64 * 1024 * 1024
/** One entry of the log: bodies that came while the one before was being written. */
const ENTRY_BODIES_MAX = 200
const ENTRY_BYTES_MAX = 512 * 1024
/** Writes on their way at a time: the next is on the wire while Redis syncs the one before. */
const WRITES = 2

export type Taken = 'stored' | 'too_busy'

type Held = {
  readonly body: Buffer
  readonly done: (taken: 'stored') => void
  readonly failed: (error: unknown) => void
}

/**
 * Gathers the bodies that arrive while Redis is writing, and stores them in one step: thousands of requests a second share
 * the disk's syncs. A body is taken in when its promise resolves, not before.
 */
export class Inbox {
  readonly #store: StoreBodies
  #held: Held[] = []
  #bytes = 0
  #count = 0
  #writing = 0

  constructor(store: StoreBodies) {
    this.#store = store
  }

  /** Resolves when Redis has the body; rejects when it cannot store it. */
  async take(body: Buffer): Promise<Taken> {
    if (this.#count >= HELD_BODIES_MAX || this.#bytes + body.length > HELD_BYTES_MAX) return 'too_busy'
    this.#count += 1
    this.#bytes += body.length
    return await new Promise<Taken>((done, failed) => {
      this.#held.push({ body, done, failed })
      this.#write()
    })
  }

  #write(): void {
    while (this.#writing < WRITES && this.#held.length > 0) void this.#writeEntry(this.#nextEntry())
  }

  async #writeEntry(entry: readonly Held[]): Promise<void> {
    this.#writing += 1
    try {
      await this.#store(entry.map(({ body }) => body))
      for (const { done } of this.#letGo(entry)) done('stored')
    } catch (error) {
      // Those that wait behind it would fail alike, each after a wait of its own, with Meta waiting at the other end.
      for (const { failed } of this.#letGo([...entry, ...this.#held.splice(0)])) failed(error)
    } finally {
      this.#writing -= 1
      this.#write()
    }
  }

  #letGo(held: readonly Held[]): readonly Held[] {
    this.#count -= held.length
    for (const { body } of held) this.#bytes -= body.length
    return held
  }

  #nextEntry(): Held[] {
    let bytes = 0
    const end = this.#held.findIndex(({ body }, index) => (bytes += body.length) > ENTRY_BYTES_MAX && index > 0)
    return this.#held.splice(0, Math.min(end === -1 ? this.#held.length : end, ENTRY_BODIES_MAX))
  }
}
