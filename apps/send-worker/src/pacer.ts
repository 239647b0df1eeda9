import type { AskedAt } from '@chasqui/delivery'
import type { Senders, SlotReply } from '@chasqui/store'

import { Lateness } from './lateness.ts'

/** The moment a message may start, and until when it must have, monotonic ms. */
export type Slot = {
  readonly at: number
  readonly latest: number
  /** The same by the machine's clock, ms since 1970: a monotonic clock stands still while its machine is suspended. */
  readonly latestByWall: number
}

/** Slots, or how long to wait before it is worth asking again. */
export type PaceAnswer =
  | { readonly kind: 'slots'; readonly slots: readonly Slot[] }
  | { readonly kind: 'wait'; readonly ms: number }

export type PacerOptions = {
  readonly senders: Pick<Senders, 'grantSlots'>
  readonly sender: string
  /** The limit as configured now. */
  readonly messagesPerSecond: () => number
  /** Nothing may be claimed now: everything is stopped, or Redis is not trusted. */
  readonly forbidden: () => boolean
  /** Monotonic ms. */
  readonly now: () => number
  /** The machine's clock, ms since 1970: only how far it moves is of interest. */
  readonly wall: () => number
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
/** Round trips of questions for slots that tell how far away Redis is. */
const ROUND_TRIPS_KEPT = 9
/** A Redis farther away than this slows sending down, ms. */
const ROUND_TRIP_MAX_MS = 500
/** Slots further ahead than this allows for would outlast the claims made for them, ms. */
const CLAIM_TRIP_MAX_MS = 250
/** The machine's clock tells whole milliseconds; asked twice it may be one off. */
const WALL_GRAIN_MS = 1
/** Meta's highest limit is 1,000 a second; beyond that a limit is no promise that milliseconds could break. */
const STRICT_LIMIT_MAX = 1_500

/** Hands out the moments at which this sender's messages may start, each once, shared with all other processes. */
export class Pacer {
  readonly #options: PacerOptions
  readonly #lateness = new Lateness()
  #roundTrips: readonly number[] = []
  /** Slots granted and not used, earliest first. */
  #spare: Slot[] = []
  /** The limit in force, messages a second, as last heard. */
  #limit: number

  constructor(options: PacerOptions) {
    this.#options = options
    this.#limit = options.messagesPerSecond()
  }

  /** More slots than this are not handed out at once, whoever asks. */
  mostAtOnce(): number {
    if (!this.#isStrict()) return Infinity
    return Math.ceil((this.#limit * this.#horizonMs()) / 1_000) + 1
  }

  /** Between one and `most` slots, or how long there are none. To be asked by one at a time. */
  async ask(most: number): Promise<PaceAnswer> {
    const spare = this.#takeSpare(most)
    if (spare.length > 0) return { kind: 'slots', slots: spare }
    if (this.#options.forbidden()) return { kind: 'wait', ms: FORBIDDEN_MS }
    const asked = { now: this.#options.now(), wall: this.#options.wall() }
    const reply = await this.#grant(most)
    this.#roundTrips = [...this.#roundTrips, this.#options.now() - asked.now].slice(-ROUND_TRIPS_KEPT)
    if (reply.kind !== 'slots') return { kind: 'wait', ms: Math.min(waitOf(reply), LOOK_AGAIN_MS) }
    this.#limit = reply.limit
    return { kind: 'slots', slots: this.#times(asked, reply) }
  }

  /** Slots that found no recipient. */
  giveBack(slots: readonly Slot[]): void {
    if (slots.length > 0) this.#spare = [...this.#spare, ...slots].toSorted((a, b) => a.at - b.at)
  }

  /** Asked when a message is about to leave: whether its slot still holds. Its window of a second may be over. */
  missed(slot: Slot): boolean {
    const now = this.#options.now()
    this.#lateness.note(now - slot.at, now)
    return now > slot.latest || this.#options.wall() > slot.latestByWall
  }

  #takeSpare(most: number): Slot[] {
    if (this.#spare.length === 0) return []
    // Those that a claim comes too late for would only be missed.
    const claimed = this.#options.now() + this.#claimMs()
    this.#spare = this.#spare.filter(({ latest }) => latest > claimed)
    return this.#spare.splice(0, most)
  }

  async #grant(wanted: number): Promise<SlotReply> {
    const { senders, sender, messagesPerSecond, onReply } = this.#options
    const reply = await senders.grantSlots({
      sender,
      wanted,
      messagesPerSecond: messagesPerSecond(),
      horizonMs: this.#horizonMs(),
      leadMs: this.#isStrict() ? Math.round(LEAD_MS + this.#claimMs()) : 0,
      lateMs: Math.round(this.#lateness.wish(this.#options.now()) + this.#usualRoundTrip()),
    })
    onReply(reply)
    return reply
  }

  /**
   * Redis counted from a moment between question and answer. Counted from the answer no message leaves before its slot;
   * counted from the question none leaves too late, also when the answer lay unread while the process was frozen.
   */
  #times(asked: AskedAt, reply: SlotReply & { kind: 'slots' }): Slot[] {
    const received = this.#options.now()
    // No real limit is that high: the number of slots bounds the rate, and a timer a message would only cost.
    if (!this.#isStrict())
      return Array.from({ length: reply.count }, () => ({
        at: received,
        latest: Infinity,
        latestByWall: Infinity,
      }))
    return Array.from({ length: reply.count }, (_, index) => {
      const ahead = reply.firstUs / 1_000 + (index * reply.spacingNs) / 1_000_000
      const longest = ahead + reply.lateMs
      return { at: received + ahead, latest: asked.now + longest, latestByWall: asked.wall + longest + WALL_GRAIN_MS }
    })
  }

  /** The first slot must lie in the nearer half of the way ahead. */
  #horizonMs(): number {
    return Math.round(HORIZON_MS + 2 * this.#claimMs())
  }

  /** The claim and the question after opt-outs: two round trips more before anything can leave. */
  #claimMs(): number {
    return 2 * Math.min(this.#usualRoundTrip(), CLAIM_TRIP_MAX_MS)
  }

  #isStrict(): boolean {
    return this.#options.messagesPerSecond() <= STRICT_LIMIT_MAX
  }

  /** The median of the last ones, ms: a slow Redis is allowed for, a single freeze is not. */
  #usualRoundTrip(): number {
    const sorted = this.#roundTrips.toSorted((a, b) => a - b)
    return Math.min(ROUND_TRIP_MAX_MS, sorted[Math.floor(sorted.length / 2)] ?? 0)
  }
}

function waitOf(reply: Exclude<SlotReply, { kind: 'slots' }>): number {
  if (reply.kind === 'wait') return reply.waitMs
  return reply.until === null ? LOOK_AGAIN_MS : reply.until - reply.now
}
