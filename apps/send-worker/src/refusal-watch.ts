import { refusalHoldMs } from '@chasqui/delivery'
import type { Outcome, ToldRefusals } from '@chasqui/delivery'
import type { Refusals } from '@chasqui/store'

import type { CampaignProof } from './campaign-proof.ts'

/** What is to be told of one code. */
type Gathered = { readonly code: number; refusals: number; claimedAt: number; readonly holdMs: number | null }
/** Said once more in the same words where the answer was lost. */
type Telling = { readonly told: Omit<ToldRefusals, 'now'>; readonly holdMs: number | null }

type Watched = { readonly gathered: Map<number, Gathered>; telling: Telling | null; busy: boolean }

export type RefusalWatchOptions = {
  readonly refusals: Pick<Refusals, 'note'>
  /** Unique to this watch: its tellings are numbered from 1. */
  readonly teller: string
  readonly onHeld: (campaign: string, reason: string) => void
  readonly onTrouble: (error: unknown) => void
}

/**
 * Tells all processes of runs of request errors, so that few recipients are lost to a broken template in all of them
 * together. One question of a campaign is on its way at a time; what comes meanwhile goes with the next.
 */
export class RefusalWatch {
  readonly #options: RefusalWatchOptions
  readonly #watched = new Map<string, Watched>()
  #told = 0

  constructor(options: RefusalWatchOptions) {
    this.#options = options
  }

  /** Told of every outcome. @param claimedAt of its claim, ms by Redis. */
  hear(campaign: { readonly id: string; readonly proof: CampaignProof }, outcome: Outcome, claimedAt: number): void {
    const refusals = campaign.proof.hear(outcome)
    if (refusals === 0 || outcome.kind !== 'refused') return
    const watched = this.#watched.get(campaign.id) ?? { gathered: new Map(), telling: null, busy: false }
    this.#watched.set(campaign.id, watched)
    gather(watched, outcome, refusals, claimedAt)
    if (!watched.busy) void this.#tell(campaign, watched)
  }

  async #tell(campaign: { readonly id: string; readonly proof: CampaignProof }, watched: Watched): Promise<void> {
    watched.busy = true
    try {
      for (let next = this.#next(watched); next !== null; next = this.#next(watched)) {
        watched.telling = next
        const { held, stoodStillAt } = await this.#options.refusals.note(campaign.id, next.told, next.holdMs)
        watched.telling = null
        campaign.proof.stoodStill(stoodStillAt)
        if (held) this.#options.onHeld(campaign.id, `code_${next.told.code}`)
      }
      this.#watched.delete(campaign.id)
    } catch (error) {
      // Kept, and told with the next one: without Redis nothing is claimed that could be refused.
      this.#options.onTrouble(error)
    } finally {
      watched.busy = false
    }
  }

  #next({ gathered, telling }: Watched): Telling | null {
    if (telling !== null) return telling
    const [first] = gathered.values()
    if (first === undefined) return null
    gathered.delete(first.code)
    const { code, refusals, claimedAt, holdMs } = first
    return { told: { teller: this.#options.teller, number: ++this.#told, code, refusals, claimedAt }, holdMs }
  }
}

function gather(
  { gathered }: Watched,
  { code, httpStatus }: Outcome & { readonly kind: 'refused' },
  refusals: number,
  claimedAt: number,
): void {
  const known = gathered.get(code)
  if (known === undefined) {
    gathered.set(code, { code, refusals, claimedAt, holdMs: refusalHoldMs(code, httpStatus) })
    return
  }
  known.refusals += refusals
  known.claimedAt = Math.min(known.claimedAt, claimedAt)
}
