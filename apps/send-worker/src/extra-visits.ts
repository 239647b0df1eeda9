import type { Visit } from '@chasqui/queue'
import type { FreePlace } from '@chasqui/store'

export type ExtraVisitsOptions = {
  /** Whether a visit of the campaign is under way here. */
  readonly isVisited: (campaign: string) => boolean
  /** Somewhere in the campaign a recipient is free to be claimed; `null`: none was found. */
  readonly freePlace: (campaign: string) => Promise<FreePlace | null>
  readonly visit: (visit: Visit, signal: AbortSignal) => Promise<unknown>
  readonly onTrouble: (error: unknown) => void
}

/** Each holds a chunk in memory. Of more campaigns than this the others have the visits that jobs bring. */
const MOST = 64

/**
 * Visits that no job asked for. Campaigns share their sender in every process by whose turn it is, so each must be there
 * to be given its turn; jobs bring a worker the chunks of some campaigns only, and keep it busy with them for long at a low
 * limit. A chunk may be visited by several workers: who claims a recipient is the ledger's decision.
 */
export class ExtraVisits {
  readonly #options: ExtraVisitsOptions
  readonly #stop = new AbortController()
  readonly #underWay = new Map<string, Promise<void>>()

  constructor(options: ExtraVisitsOptions) {
    this.#options = options
  }

  /** To be told again and again which campaigns of the sender run. */
  look(running: readonly string[]): void {
    // Alone it has nobody to share with: its jobs are enough.
    if (running.length < 2 || this.#stop.signal.aborted) return
    for (const campaign of running) {
      if (this.#underWay.size >= MOST) return
      if (this.#underWay.has(campaign) || this.#options.isVisited(campaign)) continue
      const visits = this.#visit(campaign)
        .catch(this.#options.onTrouble)
        .finally(() => this.#underWay.delete(campaign))
      this.#underWay.set(campaign, visits)
    }
  }

  /** Begin nothing new; resolves when those under way have ended. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#underWay.values())
  }

  /** Chunk after chunk, as long as jobs do not bring it here and each visit gets further. */
  async #visit(campaign: string): Promise<void> {
    let before: FreePlace | null = null
    while (!this.#stop.signal.aborted && !this.#options.isVisited(campaign)) {
      const place = await this.#options.freePlace(campaign)
      if (place === null || isSame(place, before)) return
      before = place
      await this.#options.visit({ campaign, chunk: place.chunk }, this.#stop.signal)
    }
  }
}

function isSame(place: FreePlace, other: FreePlace | null): boolean {
  return place.chunk === other?.chunk && place.row === other.row
}
