import type { ClaimAnswer } from '@chasqui/delivery'

/** More campaigns than a worker sends for at a time; what is forgotten of others only makes it notice less. */
const CAMPAIGNS_KEPT = 2_000
/** More claims of a campaign than are under way at a time. */
const SERIALS_KEPT = 64

/**
 * Which claims this process knows itself to have made, by campaign. Each claim carries the latest one's number to Redis: a
 * ledger that knows of fewer has gone backwards, and so has one that gives a number twice. That shows in the claim itself,
 * however it came about (also behind a proxy that keeps the connection, or in one shard of a Redis Cluster), and not half
 * a second later in a beat.
 */
export class ClaimMemory {
  /** Unique to this process: numbers that others drive on would hide what was forgotten. */
  readonly claimant: string
  readonly #campaigns = new Map<string, Remembered>()

  constructor(claimant: string) {
    this.claimant = claimant
  }

  /** What the next question carries. */
  latest(campaign: string): number {
    return this.#campaigns.get(campaign)?.latest ?? 0
  }

  /**
   * Told of every answer to a claim. Answers may overtake each other: what was sent again after a reconnect is carried out
   * again, in another order than the first time.
   *
   * @param asked what the question carried.
   * @returns whether the ledger has forgotten claims.
   */
  hear(campaign: string, token: string, asked: number, reply: ClaimAnswer): boolean {
    if (reply.kind !== 'claimed' || reply.serial === 0) return reply.kind === 'backwards'
    const { latest, tokens } = this.#campaigns.get(campaign) ?? { latest: 0, tokens: new Map<number, string>() }
    const holder = tokens.get(reply.serial) ?? token
    tokens.set(reply.serial, holder)
    const [first] = tokens.keys()
    if (tokens.size > SERIALS_KEPT && first !== undefined) tokens.delete(first)
    // Those that claim move to the end: the first is the one that has been silent for longest.
    this.#campaigns.delete(campaign)
    this.#campaigns.set(campaign, { latest: Math.max(latest, reply.serial), tokens })
    const [oldest] = this.#campaigns.keys()
    if (this.#campaigns.size > CAMPAIGNS_KEPT && oldest !== undefined) this.#campaigns.delete(oldest)
    return reply.serial <= asked || holder !== token
  }

  /** The ledger is trusted as it is from now on. */
  forget(): void {
    this.#campaigns.clear()
  }
}

/** The number of the latest claim, and under which tokens the last ones were made. */
type Remembered = { readonly latest: number; readonly tokens: Map<number, string> }
