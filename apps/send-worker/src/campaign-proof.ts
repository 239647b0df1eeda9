import { ruleFor } from '@chasqui/delivery'
import type { Outcome } from '@chasqui/delivery'

/** Recipients that may be tried before the first acceptance, at a time. */
export const UNPROVEN_WINDOW = 10

/**
 * Whether the endpoint takes a campaign's messages at all. A wrong template or parameter refuses every message alike, so
 * until the first is taken only a few are tried, and a run of the same refusal stops the campaign instead of burning
 * its list.
 */
export class CampaignProof {
  #accepted = false
  #code: number | null = null
  #run = 0

  get proven(): boolean {
    return this.#accepted
  }

  /** @returns the code of the refusal that the campaign should be held for, or `null`. */
  hear(outcome: Outcome): number | null {
    if (outcome.kind === 'accepted') this.#accepted = true
    if (this.#accepted || outcome.kind !== 'refused') return null
    if (ruleFor(outcome.code, outcome.httpStatus).scope !== 'message') return null
    this.#run = outcome.code === this.#code ? this.#run + 1 : 1
    this.#code = outcome.code
    return this.#run >= UNPROVEN_WINDOW ? outcome.code : null
  }
}
