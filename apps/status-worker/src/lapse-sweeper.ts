import { pause } from '@chasqui/runtime'
import type { LapseBook, Lease } from '@chasqui/store'

export type LapseSweeperOptions = {
  readonly book: LapseBook
  readonly lease: Pick<Lease, 'hold' | 'release'>
  /** How long after a message's TTL a webhook about it is still waited for, ms. */
  readonly bufferMs: number
  /** For how long webhooks have been taken without a break, ms. */
  readonly receivedSteadilyFor: (now: number) => Promise<number>
  /** Ms by Redis' clock. */
  readonly now: () => Promise<number>
  readonly onInferred: (messages: number) => void
  readonly onTrouble: (error: unknown) => void
}

const EVERY_MS = 15_000
const CAMPAIGNS_A_PASS = 100
/** Chunks of one campaign looked at in one pass, some 0.2 ms of Redis each. */
const CHUNKS_A_PASS = 500
/** No TTL is shorter than 12 hours: a campaign that has just begun need not be looked at soon. */
const LIVING_MS = 3_600_000
const ENDED_MS = 86_400_000
/** The longest TTL, Meta's 7 days of trying to deliver a webhook, and a day. */
const FORGOTTEN_MS = 38 * 86_400_000

/**
 * Takes messages that outlived their template's TTL for undelivered. One replica does it, for the others would only ask
 * the same; twice is harmless. Here and not in the send-workers, for it follows from webhooks that do not come: while
 * they could not come, after an outage of the status-workers, nothing is inferred from their silence.
 */
export class LapseSweeper {
  readonly #options: LapseSweeperOptions
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(options: LapseSweeperOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = this.#loop()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    await this.#options.lease.release().catch(this.#options.onTrouble)
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        if (await this.#options.lease.hold()) await this.sweep()
      } catch (error) {
        this.#options.onTrouble(error)
      }
      await pause(EVERY_MS, this.#stop.signal)
    }
  }

  /** Look at every campaign whose time has come. @returns messages taken for undelivered by this. */
  async sweep(): Promise<number> {
    const { book, bufferMs, receivedSteadilyFor, now } = this.#options
    const asked = await now()
    if ((await receivedSteadilyFor(asked)) < bufferMs) return 0
    let inferred = 0
    for (;;) {
      const campaigns = await book.campaigns(asked, CAMPAIGNS_A_PASS)
      for (const id of campaigns) {
        if (this.#stop.signal.aborted) return inferred
        inferred += await this.#look(id, asked)
      }
      if (campaigns.length < CAMPAIGNS_A_PASS) return inferred
      await this.#options.lease.hold()
    }
  }

  async #look(id: string, now: number): Promise<number> {
    const { book, bufferMs, onInferred } = this.#options
    const campaign = await book.read(id)
    if (campaign === null) {
      await book.lookAgain(id, null)
      return 0
    }
    const until = now - bufferMs
    let inferred = 0
    for (;;) {
      const chunks = await book.lapsed(id, until, CHUNKS_A_PASS)
      const each = await Promise.all(chunks.map(async (chunk) => await book.infer(id, chunk, until, campaign.strict)))
      inferred += each.reduce((sum, messages) => sum + messages, 0)
      if (chunks.length < CHUNKS_A_PASS || this.#stop.signal.aborted) break
      await this.#options.lease.hold()
    }
    onInferred(inferred)
    await book.lookAgain(id, nextLook(now, campaign.endedAt, await book.nextLapse(id), bufferMs))
    return inferred
  }
}

/**
 * When a campaign is to be looked at again, ms; `null`: never.
 *
 * @param nextLapse when the messages of its next chunk will have outlived their TTL, ms; `null`: no chunk waits for that.
 */
export function nextLook(
  now: number,
  endedAt: number | null,
  nextLapse: number | null,
  bufferMs: number,
): number | null {
  const idle = endedAt === null ? now + LIVING_MS : now + ENDED_MS
  if (nextLapse !== null) return Math.min(nextLapse + bufferMs, idle)
  // A status may yet prove a send that nobody knew of.
  return endedAt !== null && endedAt + FORGOTTEN_MS < now ? null : idle
}
