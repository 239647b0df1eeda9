import type { ClaimAnswer } from '@chasqui/delivery'

/** More campaigns than a worker sends for at a time; what is forgotten of others only makes it notice less. */
const CAMPAIGNS_KEPT = 2_000
/** More claims than are under way at a time. */
const SERIALS_KEPT = 64

/**
 * Which claims this process knows itself to have made, by campaign. Each claim carries the highest number to Redis: a
 * ledger that knows of fewer has gone backwards, and so has one that gives a number twice. That shows in the claim itself,
 * however it came about (also behind a proxy that keeps the connection, or in one shard of a Redis Cluster), and not half
 * a second later in a beat.
 */
export class ClaimMemory {
  /** Unique to this process: numbers that others drive on would hide what was forgotten. */
  readonly claimant: string
  /** The last serials heard, by campaign, latest last. */
  readonly #heard = new Map<string, readonly number[]>()

  constructor(claimant: string) {
    this.claimant = claimant
  }

  /** What the next question carries. */
  remembered(campaign: string): number {
    return Math.max(0, ...(this.#heard.get(campaign) ?? []))
  }

  /**
   * Told of every answer to a claim.
   *
   * @param remembered what the question carried.
   * @returns whether the ledger has forgotten claims.
   */
  hear(campaign: string, remembered: number, reply: ClaimAnswer): boolean {
    if (reply.kind !== 'claimed' || reply.serial === 0) return reply.kind === 'backwards'
    const heard = this.#heard.get(campaign) ?? []
    if (reply.serial <= remembered || heard.includes(reply.serial)) return true
    // Those that claim move to the end: the first is the one that has been silent for longest.
    this.#heard.delete(campaign)
    this.#heard.set(campaign, [...heard.slice(1 - SERIALS_KEPT), reply.serial])
    const [oldest] = this.#heard.keys()
    if (this.#heard.size > CAMPAIGNS_KEPT && oldest !== undefined) this.#heard.delete(oldest)
    return false
  }

  /** The ledger is trusted as it is from now on. */
  forget(): void {
    this.#heard.clear()
  }
}
