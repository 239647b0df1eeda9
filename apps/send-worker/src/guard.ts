import { pause } from '@chasqui/runtime'
import { hasGoneBackwards } from '@chasqui/store'
import type { Beat, Heart } from '@chasqui/store'

export type GuardOptions = {
  readonly heart: Pick<Heart, 'beat' | 'quarantine'>
  /** Why claiming is forbidden, when that changes; `null`: it is allowed again. */
  readonly onChange: (why: string | null) => void
  /** Told of every beat that came through. */
  readonly onBeat: (beat: Beat) => void
  /** The ledger is trusted as it is: whatever was remembered of it is void. */
  readonly onRelease: () => void
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
  #suspicion: string | null = null

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

  /** Somebody has seen that the ledger has gone backwards. The next beat puts it under quarantine, unless it has been released since. */
  suspect(why: string): void {
    this.#suspicion ??= why
    this.#become(this.#suspicion)
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
    const suspicion = this.#suspicion
    const before = this.#remembered
    const beat = await this.#options.heart.beat(before)
    this.#options.onBeat(beat)
    if (hasGoneBackwards(before, beat)) {
      return await this.#quarantine(
        `Redis has gone backwards: beat ${beat.beat} of epoch ${beat.epoch} after beat ${before?.beat} of epoch ${before?.epoch}`,
      )
    }
    this.#remembered = beat
    if (before !== null && beat.epoch > before.epoch) {
      this.#suspicion = null
      this.#options.onRelease()
    } else if (suspicion !== null) return await this.#quarantine(suspicion)
    // A beat that was asked before the connection broke, or before somebody had doubts, says nothing about what came after.
    if (connection === this.#connection) this.#become(this.#suspicion ?? beat.quarantine ?? beat.stopped)
  }

  async #quarantine(why: string): Promise<void> {
    this.#become(why)
    await this.#options.heart.quarantine(why)
  }

  #become(why: string | null): void {
    if (why === this.#why) return
    this.#why = why
    this.#options.onChange(why)
  }
}
