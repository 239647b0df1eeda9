import { isRequestError } from '@chasqui/delivery'
import type { Outcome } from '@chasqui/delivery'

/** Recipients that may be tried before the first acceptance, at a time. */
export const UNPROVEN_WINDOW = 10
/** Once somebody was accepted, errors are chance until so many come in a row: others need not hear of them. */
export const TOLD_FROM = 3

/**
 * Whether the endpoint takes a campaign's messages at all, as one process sees it. A wrong template or parameter refuses
 * every message alike, so until the first is taken only a few are tried, and a run of the same refusal, wherever in the
 * list it begins, is told to all processes: together they stop the campaign instead of burning its list.
 */
export class CampaignProof {
  #accepted = false
  /** Request errors since the last acceptance, by code. */
  readonly #runs = new Map<number, number>()
  #stoodStillAt = 0

  get proven(): boolean {
    return this.#accepted
  }

  /** @returns how many request errors of this one's code are to be told; 0: none. */
  hear(outcome: Outcome): number {
    if (outcome.kind === 'accepted') {
      this.#accepted = true
      if (this.#runs.size > 0) this.#runs.clear()
      return 0
    }
    if (outcome.kind !== 'refused' || !isRequestError(outcome.code, outcome.httpStatus)) return 0
    const run = (this.#runs.get(outcome.code) ?? 0) + 1
    this.#runs.set(outcome.code, run)
    if (!this.#accepted || run > TOLD_FROM) return 1
    return run === TOLD_FROM ? TOLD_FROM : 0
  }

  /** The campaign was held at this moment, ms by Redis: when it goes on it has to prove itself again. */
  stoodStill(at: number): void {
    if (at <= this.#stoodStillAt) return
    this.#stoodStillAt = at
    this.#accepted = false
    this.#runs.clear()
  }

  /** Whether a claim of this moment, ms by Redis, is from before the campaign was held: what has not left should not leave. */
  isOutdated(claimedAt: number): boolean {
    return claimedAt <= this.#stoodStillAt
  }
}
