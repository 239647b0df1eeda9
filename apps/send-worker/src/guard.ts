import { pause } from '@chasqui/runtime'
import { hasGoneBackwards } from '@chasqui/store'
import type { Beat, Heart } from '@chasqui/store'

export type GuardOptions = {
  readonly heart: Pick<Heart, 'beat' | 'quarantine'>
  /** Why claiming is forbidden, when that changes; `null`: it is allowed again. */
  readonly onChange: (why: string | null) => void
  readonly onTrouble: (error: unknown) => void
}

const EVERY_MS = 500

/**
 * Says whether this process may claim: not while everything is stopped, not while the ledger is quarantined, and not on
 * a connection that has not been checked since it was made. Finds out when Redis has gone backwards.
 */
export class Guard {
  readonly #options: GuardOptions
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #remembered: Beat | null = null
  #why: string | null = 'not checked yet'
  #connection = 0

  constructor(options: GuardOptions) {
    this.#options = options
  }

  /** Why nothing may be claimed now; `null`: claim. */
  get forbidden(): string | null {
    return this.#why
  }

  /** The connection broke: what comes next may be another Redis, or an older one. Nothing is trusted until the next beat. */
  connectionLost(): void {
    this.#connection += 1
    this.#become('the connection to Redis has to be checked')
  }

  /** Resolves after the first beat; where that fails nothing is allowed until one comes through. */
  async start(): Promise<void> {
    await this.#beat().catch(this.#options.onTrouble)
    this.#running = this.#loop()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await pause(EVERY_MS, this.#stop.signal)
      await this.#beat().catch(this.#options.onTrouble)
    }
  }

  async #beat(): Promise<void> {
    const connection = this.#connection
    const beat = await this.#options.heart.beat(this.#remembered)
    if (hasGoneBackwards(this.#remembered, beat)) {
      const why = `Redis has gone backwards: beat ${beat.beat} of epoch ${beat.epoch} after beat ${this.#remembered?.beat} of epoch ${this.#remembered?.epoch}`
      this.#become(why)
      await this.#options.heart.quarantine(why)
      return
    }
    this.#remembered = beat
    // A beat that was asked before the connection broke says nothing about the new one.
    if (connection === this.#connection) this.#become(beat.quarantine ?? beat.stopped)
  }

  #become(why: string | null): void {
    if (why === this.#why) return
    this.#why = why
    this.#options.onChange(why)
  }
}
