import type { CampaignSpec } from '@chasqui/campaign'

/** How many messages of a campaign leave while one of a `low` one does, when both have some at the same sender. */
export const WEIGHTS: Readonly<Record<CampaignSpec['priority'], number>> = { low: 1, normal: 2, high: 4 }

/**
 * Whoever comes, or was kept from taking its turns, makes up for at most so much of the time before, ms: a campaign is
 * found a second after its launch at the latest, and that second is not lost to it.
 */
export const CREDIT_MS = 1_000
/** How finely the past is remembered, ms. */
const MARK_MS = 50

/**
 * How the campaigns of one sender share it in this process: whose turn it is. Each has a virtual time, the messages it was
 * given over its weight, and the one that is behind goes first (start-time fair queueing; Goyal, Vin and Cheng 1996). As
 * every process holds to it, and slots go to processes whatever campaigns they serve, the sender as a whole is shared so.
 *
 * A campaign takes part from its first visit here to the end of its last one. Pure: times are ms by one clock.
 */
export class Shares {
  readonly #campaigns = new Map<string, Member>()
  /** The sender's virtual time: where the latest turn began. It never goes back. */
  #time = 0
  /** Where it stood when, oldest first; one of them is older than what is credited. */
  #marks: readonly Mark[] = []

  /** Visits of it that are under way here. */
  visits(campaign: string): number {
    return this.#campaigns.get(campaign)?.visits ?? 0
  }

  /** A visit begins. */
  enter(campaign: string, weight: number, at: number): void {
    const known = this.#campaigns.get(campaign)
    const time = known?.time ?? this.#floor(at)
    this.#campaigns.set(campaign, { weight, time, visits: (known?.visits ?? 0) + 1 })
  }

  /** A visit ends. A campaign that is ahead stays known, so that nobody gains by coming and going. */
  leave(campaign: string, at: number): void {
    const member = this.#campaigns.get(campaign)
    if (member !== undefined) member.visits -= 1
    const floor = this.#floor(at)
    for (const [id, { visits, time }] of this.#campaigns) if (visits <= 0 && time <= floor) this.#campaigns.delete(id)
  }

  /** Whose turn it is among these; the first of those that are equal. `undefined`: there are none. */
  next<Waiting extends { readonly campaign: string }>(waiting: readonly Waiting[], at: number): Waiting | undefined {
    const [only] = waiting
    if (waiting.length <= 1) return only
    const floor = this.#floor(at)
    let first = only
    let earliest = Infinity
    for (const one of waiting) {
      const time = Math.max(this.#campaigns.get(one.campaign)?.time ?? floor, floor)
      if (time >= earliest) continue
      first = one
      earliest = time
    }
    return first
  }

  /** A campaign takes its turn with so many messages. */
  charge(campaign: string, messages: number, at: number): void {
    const member = this.#campaigns.get(campaign)
    if (member === undefined) return
    const begin = Math.max(member.time, this.#floor(at))
    member.time = begin + messages / member.weight
    this.#time = Math.max(this.#time, begin)
    this.#mark(at)
  }

  /** So many of its messages found nobody to go to. */
  refund(campaign: string, messages: number): void {
    const member = this.#campaigns.get(campaign)
    if (member !== undefined) member.time -= messages / member.weight
  }

  /** Where the sender's virtual time stood when what is credited began. */
  #floor(at: number): number {
    let floor = this.#marks[0]?.time ?? 0
    for (const mark of this.#marks) {
      if (mark.at > at - CREDIT_MS) break
      floor = mark.time
    }
    return floor
  }

  #mark(at: number): void {
    const latest = this.#marks.at(-1)
    if (latest !== undefined && at - latest.at < MARK_MS) return
    const old = this.#marks.findLastIndex((mark) => mark.at <= at - CREDIT_MS)
    this.#marks = [...this.#marks.slice(Math.max(0, old)), { at, time: this.#time }]
  }
}

type Member = { readonly weight: number; time: number; visits: number }
type Mark = { readonly at: number; readonly time: number }
