import type { Visit } from '@chasqui/queue'
import type { FreePlace } from '@chasqui/store'

export type ExtraVisitsOptions = {
  /** Visits of the campaign that are under way here, those that were begun here among them. */
  readonly visits: (campaign: string) => number
  /** Somewhere in the campaign a recipient is free to be claimed; `null`: none was found. */
  readonly freePlace: (campaign: string) => Promise<FreePlace | null>
  readonly visit: (visit: Visit, signal: AbortSignal) => Promise<unknown>
  readonly onTrouble: (error: unknown) => void
}

/** Each holds a chunk in memory. Of more campaigns than this the others have the visits that jobs bring. */
const MOST = 64
/** Of one campaign: one visit's end and the next one's beginning must overlap, or slots pass meanwhile. */
const MOST_OF_ONE = 2

/**
 * Visits that no job asked for, of campaigns that no job brings to this worker. Campaigns share their sender in every
 * process by whose turn it is, so each must be there to be given its turn; and the chunks of a worker that died are nobody's
 * until its jobs' locks end, though most of their recipients are free to be claimed. A chunk may be visited by several
 * workers: who claims a recipient is the ledger's decision.
 */
export class ExtraVisits {
  readonly #options: ExtraVisitsOptions
  readonly #stop = new AbortController()
  readonly #underWay = new Map<Promise<void>, string>()

  constructor(options: ExtraVisitsOptions) {
    this.#options = options
  }

  /** To be told again and again which campaigns of the sender run. */
  look(running: readonly string[]): void {
    for (let own = 0; own < MOST_OF_ONE; own++) {
      for (const campaign of running) {
        if (this.#underWay.size >= MOST || this.#stop.signal.aborted) return
        // One looks whether there is anything to do; another comes only when there is.
        const visits = this.#options.visits(campaign)
        if (this.#own(campaign) === own && visits === own) this.#begin(campaign)
      }
    }
  }

  /** Begin nothing new; resolves when those under way have ended. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#underWay.keys())
  }

  #begin(campaign: string): void {
    const visits = this.#visit(campaign)
      .catch(this.#options.onTrouble)
      .finally(() => this.#underWay.delete(visits))
    this.#underWay.set(visits, campaign)
  }

  /** Chunk after chunk, as long as jobs do not bring it here and each visit gets further. */
  async #visit(campaign: string): Promise<void> {
    let before: FreePlace | null = null
    while (!this.#stop.signal.aborted && !this.#isBrought(campaign)) {
      const place = await this.#options.freePlace(campaign)
      if (place === null || isSame(place, before)) return
      before = place
      await this.#options.visit({ campaign, chunk: place.chunk }, this.#stop.signal)
    }
  }

  #isBrought(campaign: string): boolean {
    return this.#options.visits(campaign) > this.#own(campaign)
  }

  #own(campaign: string): number {
    let own = 0
    for (const visited of this.#underWay.values()) if (visited === campaign) own += 1
    return own
  }
}

function isSame(place: FreePlace, other: FreePlace | null): boolean {
  return place.chunk === other?.chunk && place.row === other.row
}
