import { SlotBook } from '@chasqui/delivery'
import type { AskedAt, Slot, ToldGrant } from '@chasqui/delivery'
import type { Senders, SlotReply } from '@chasqui/store'

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
const HORIZON_MS = 150
/** A claim and the question after opt-outs take a few ms; the first slot is not lost to them, ms. */
const LEAD_MS = 10
/** A wait is cut into pieces of at most this, so that a lifted block or rest is soon seen, ms. */
const LOOK_AGAIN_MS = 1_000
/** When messages have left, Redis is told soon after: until then their permits are nobody's, ms. */
const TELL_AFTER_MS = 10
const TELL_EVERY_MS = 50
/** How soon it is asked whether claiming is allowed again, ms. */
const FORBIDDEN_MS = 100
/** Round trips of questions for slots that tell how far away Redis is. */
const ROUND_TRIPS_KEPT = 9
/** A Redis farther away than this slows sending down, ms. */
const ROUND_TRIP_MAX_MS = 500
/** Slots further ahead than this allows for would outlast the claims made for them, ms. */
const CLAIM_TRIP_MAX_MS = 250
/** Meta's highest limit is 1,000 a second; beyond that a limit is no promise that milliseconds could break. */
const STRICT_LIMIT_MAX = 1_500

/** Where no real limit is that high, the number of slots bounds the rate, and a timer a message would only cost. */
const UNPACED: Slot = { at: 0, latest: Infinity, latestByWall: Infinity }
/** So many are asked for at once, and kept for as long as paced slots lie ahead. */
const UNPACED_BATCH = 1_000

/** Hands out the moments at which this sender's messages may start, each once, shared with all other processes. */
export class Pacer {
  readonly #options: PacerOptions
  readonly #book = new SlotBook()
  #roundTrips: readonly number[] = []
  /** Slots granted and not used, earliest first. */
  #spare: Slot[] = []
  /** Unpaced ones, and until when they are good, monotonic ms. */
  #unpaced = 0
  #unpacedUntil = 0
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
    const spare = this.#unpaced > 0 ? this.#takeUnpaced(most) : this.#takeSpare(most)
    if (spare.length > 0) return { kind: 'slots', slots: spare }
    if (this.#options.forbidden()) return { kind: 'wait', ms: FORBIDDEN_MS }
    const asked = this.#clocks()
    const reply = await this.#grant(most, this.#book.told(asked.now, asked.wall))
    const received = this.#clocks()
    this.#roundTrips = [...this.#roundTrips, received.now - asked.now].slice(-ROUND_TRIPS_KEPT)
    switch (reply.kind) {
      case 'slots':
        this.#limit = reply.limit
        return { kind: 'slots', slots: this.#book.granted(asked, received, reply) }
      case 'unpaced':
        this.#limit = reply.limit
        this.#unpaced = reply.count
        this.#unpacedUntil = asked.now + HORIZON_MS
        return { kind: 'slots', slots: this.#takeUnpaced(most) }
      case 'wait':
        this.#book.heard(asked, received, reply.nowUs)
        return { kind: 'wait', ms: Math.min(reply.waitMs, this.#tellIn(received.now)) }
      case 'blocked':
        return { kind: 'wait', ms: Math.min(reply.until === null ? Infinity : reply.until - reply.now, LOOK_AGAIN_MS) }
    }
  }

  /** Slots that found no recipient. */
  giveBack(slots: readonly Slot[]): void {
    const paced = slots.filter((slot) => slot !== UNPACED)
    this.#unpaced += slots.length - paced.length
    if (paced.length > 0) this.#spare = [...this.#spare, ...paced].toSorted((a, b) => a.at - b.at)
  }

  /** Whether no message may leave in this slot any more. */
  isOver(slot: Slot): boolean {
    return slot !== UNPACED && this.#book.isOver(slot, this.#options.now(), this.#options.wall())
  }

  /** Asked when a message is about to leave: whether its slot is over, or used. Else it is used from here on. */
  missed(slot: Slot): boolean {
    if (slot === UNPACED) return false
    return !this.#book.use(slot, this.#options.now(), this.#options.wall())
  }

  #clocks(): AskedAt {
    return { now: this.#options.now(), wall: this.#options.wall() }
  }

  #takeSpare(most: number): Slot[] {
    if (this.#spare.length === 0) return []
    // Those that a claim comes too late for would only be missed.
    const claimed = this.#options.now() + this.#claimMs()
    this.#spare = this.#spare.filter(({ latest }) => latest > claimed)
    return this.#spare.splice(0, most)
  }

  /** Those that have grown old are let go: what a block or a rest forbids since would leave with them. */
  #takeUnpaced(most: number): Slot[] {
    const taken = this.#options.now() > this.#unpacedUntil ? 0 : Math.min(most, this.#unpaced)
    this.#unpaced = taken === 0 ? 0 : this.#unpaced - taken
    return Array.from({ length: taken }, () => UNPACED)
  }

  async #grant(wanted: number, told: readonly ToldGrant[]): Promise<SlotReply> {
    const { senders, sender, messagesPerSecond, onReply } = this.#options
    const reply = await senders.grantSlots({
      sender,
      wanted: this.#isStrict() ? wanted : Math.max(wanted, UNPACED_BATCH),
      messagesPerSecond: messagesPerSecond(),
      horizonMs: this.#horizonMs(),
      leadMs: this.#isStrict() ? Math.round(LEAD_MS + this.#claimMs()) : 0,
      paced: this.#isStrict(),
      told,
    })
    onReply(reply)
    return reply
  }

  /** A process that has to wait has time to tell what it used, and others may wait for that, ms. */
  #tellIn(now: number): number {
    const at = this.#book.tellAt
    if (at === null) return LOOK_AGAIN_MS
    return Math.min(LOOK_AGAIN_MS, Math.max(at + TELL_AFTER_MS - now, TELL_EVERY_MS))
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
