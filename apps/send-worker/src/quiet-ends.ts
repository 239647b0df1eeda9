import { watchEnd } from '@chasqui/delivery'
import type { QuietEnd, Sighting } from '@chasqui/delivery'
import type { ToldMessages } from '@chasqui/store'

/** How webhooks flow now. */
export type Flow = {
  /** The latest event of the sender that a webhook has told of, ms. */
  readonly webhooksUntil: number
  /** For how long webhooks have been taken without a break, ms. */
  readonly steadyForMs: number
}

/** A campaign that cannot be sighted is gone through this often in a window: it costs two bytes a recipient. */
const LOOKS_A_WINDOW = 4

/**
 * Watches the ends of campaigns that run alone (quiet-end.ts of delivery). What was seen is kept in this process only: one
 * that starts anew waits a window longer.
 */
export class QuietEnds {
  readonly #told: Pick<ToldMessages, 'progress' | 'ofAllAccepted'>
  readonly #windowMs: number
  readonly #now: () => number
  readonly #sightings = new Map<string, Sighting>()
  readonly #nextLooks = new Map<string, number>()

  /** @param now ms by Redis. */
  constructor(told: Pick<ToldMessages, 'progress' | 'ofAllAccepted'>, windowMs: number, now: () => number) {
    this.#told = told
    this.#windowMs = windowMs
    this.#now = now
  }

  /** @returns which lost attempts of the campaign were not taken; `undefined`: that is not known. */
  async look(campaign: string, flow: Flow): Promise<QuietEnd | undefined> {
    const { nothingOpen, unknown, accepted, toldAtMost } = await this.#told.progress(campaign)
    if (!nothingOpen || unknown === 0) {
      this.#forget(campaign)
      return undefined
    }
    const seen = this.#sightings.get(campaign) ?? null
    const verdict = watchEnd(seen, { ...flow, at: this.#now(), nothingOpen, accepted }, this.#windowMs)
    if (verdict.kind === 'keep') return undefined
    this.#sightings.delete(campaign)
    // What was told by now, and not by the last sighting, holds a window from now.
    if (toldAtMost >= accepted && (await this.#isToldOf(campaign)))
      this.#sightings.set(campaign, { at: this.#now(), accepted, webhooksUntil: flow.webhooksUntil })
    return verdict.kind === 'through' ? { until: verdict.until, accepted } : undefined
  }

  /** Forget campaigns that are not among these. */
  keepOnly(campaigns: ReadonlySet<string>): void {
    for (const known of this.#nextLooks.keys()) if (!campaigns.has(known)) this.#forget(known)
  }

  async #isToldOf(campaign: string): Promise<boolean> {
    const now = this.#now()
    if (now < (this.#nextLooks.get(campaign) ?? 0)) return false
    this.#nextLooks.set(campaign, now + this.#windowMs / LOOKS_A_WINDOW)
    return await this.#told.ofAllAccepted(campaign)
  }

  #forget(campaign: string): void {
    this.#sightings.delete(campaign)
    this.#nextLooks.delete(campaign)
  }
}
