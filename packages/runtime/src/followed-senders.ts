import { pause } from './pause.ts'
import { readSenders } from './senders.ts'
import type { Sender } from './senders.ts'
import type { Logger } from './logger.ts'

export type FollowedSendersOptions = {
  /** SENDERS_FILE. */
  readonly path: string
  /** As they were read at the start. */
  readonly known: readonly Sender[]
  readonly logger: Logger
  /** Told of all senders whenever one of them is another than before. */
  readonly onChange: (senders: readonly Sender[]) => void
}

/** As often as send-workers look, so that all apps know a new sender at about the same time, ms. */
const EVERY_MS = 2_000

/** Follows SENDERS_FILE while the process runs. A file that cannot be read, or holds a mistake, changes nothing. */
export class FollowedSenders {
  readonly #options: FollowedSendersOptions
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #known: string
  #complaint = ''

  constructor(options: FollowedSendersOptions) {
    this.#options = options
    this.#known = JSON.stringify(options.known)
  }

  start(): void {
    this.#running = this.#follow()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #follow(): Promise<void> {
    for (;;) {
      await pause(EVERY_MS, this.#stop.signal)
      if (this.#stop.signal.aborted) return
      this.#look()
    }
  }

  #look(): void {
    const { path, logger, onChange } = this.#options
    try {
      const senders = readSenders(path)
      this.#complaint = ''
      const text = JSON.stringify(senders)
      if (text === this.#known) return
      onChange(senders)
      this.#known = text
      logger.info({ senders: senders.map(({ id }) => id) }, 'senders changed')
    } catch (error) {
      this.#complain(error)
    }
  }

  /** Said once, not every two seconds. */
  #complain(error: unknown): void {
    const complaint = error instanceof Error ? error.message : String(error)
    if (complaint !== this.#complaint)
      this.#options.logger.error({ err: error }, 'senders cannot be read; going on with those known')
    this.#complaint = complaint
  }
}
