import { pause } from '@chasqui/runtime'
import type { Senders, SlotReply } from '@chasqui/store'

export type PacerOptions = {
  readonly senders: Pick<Senders, 'grantSlots'>
  readonly sender: string
  /** The limit as configured now. */
  readonly messagesPerSecond: () => number
  /** Nothing may be claimed now: everything is stopped, or Redis is not trusted. */
  readonly forbidden: () => boolean
  /** Monotonic ms. */
  readonly now: () => number
  readonly onReply: (reply: SlotReply) => void
}

/** Slots may lie this far ahead: long enough for a round trip and a window, short enough for a change to bite, ms. */
const HORIZON_MS = 250
/** A claim and the question after opt-outs take a few ms; the first slot is not lost to them, ms. */
const LEAD_MS = 10
/** A wait is cut into pieces of at most this, so that a lifted block or rest is soon seen, ms. */
const LOOK_AGAIN_MS = 1_000
/** How soon it is asked whether claiming is allowed again, ms. */
const FORBIDDEN_MS = 100
/** A slot that lies further back than this is not used any more: the window of a second it belonged to is over, ms. */
const STALE_MS = 10

/** Hands out the moments at which this sender's messages may start, each once, shared with all other processes. */
export class Pacer {
  readonly #options: PacerOptions
  /** Slots granted and not used, earliest first, monotonic ms. */
  #spare: number[] = []

  constructor(options: PacerOptions) {
    this.#options = options
  }

  /** Between one and `most` slots (monotonic ms), waiting as long as the sender rests or is blocked; none when `signal` aborts. */
  async take(most: number, signal: AbortSignal): Promise<number[]> {
    while (!signal.aborted) {
      const spare = this.#takeSpare(most)
      if (spare.length > 0) return spare
      if (this.#options.forbidden()) {
        await pause(FORBIDDEN_MS, signal)
        continue
      }
      const reply = await this.#grant(most)
      if (reply.kind === 'slots') return this.#times(reply)
      await pause(Math.min(waitOf(reply), LOOK_AGAIN_MS), signal)
    }
    return []
  }

  /** Slots that found no recipient. */
  giveBack(slots: readonly number[]): void {
    if (slots.length > 0) this.#spare = [...this.#spare, ...slots].toSorted((a, b) => a - b)
  }

  #takeSpare(most: number): number[] {
    if (this.#spare.length === 0) return []
    const usable = this.#options.now() - STALE_MS
    this.#spare = this.#spare.filter((slot) => slot >= usable)
    return this.#spare.splice(0, most)
  }

  async #grant(wanted: number): Promise<SlotReply> {
    const { senders, sender, messagesPerSecond, onReply } = this.#options
    const reply = await senders.grantSlots({
      sender,
      wanted,
      messagesPerSecond: messagesPerSecond(),
      horizonMs: HORIZON_MS,
      leadMs: LEAD_MS,
    })
    onReply(reply)
    return reply
  }

  #times(reply: SlotReply & { kind: 'slots' }): number[] {
    const first = this.#options.now() + reply.firstUs / 1_000
    return Array.from({ length: reply.count }, (_, index) => first + (index * reply.spacingNs) / 1_000_000)
  }
}

function waitOf(reply: Exclude<SlotReply, { kind: 'slots' }>): number {
  if (reply.kind === 'wait') return reply.waitMs
  return reply.until === null ? LOOK_AGAIN_MS : reply.until - reply.now
}
