import { REFUSAL_RUN_LIMITS } from '@chasqui/delivery'
import type { ToldRefusals } from '@chasqui/delivery'

import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const NOTE = loadScript('note-refusals')
/** What was heard of a process that is gone is let go with the rest after this long without an error. */
const KEPT_S = 7 * 86_400

export type NotedRefusals = {
  /** This held the campaign. */
  readonly held: boolean
  /** When it was last held, or seen to stand still, ms by Redis; 0: never. What was claimed by then should not leave. */
  readonly stoodStillAt: number
}

/** Runs of request errors of campaigns, counted for all processes together. */
export class Refusals {
  readonly #client: RedisClient
  readonly #keys: Keys

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  /** Hold the campaign if these make a run. `holdMs`: when it goes on by itself; `null`: when somebody resumes it. */
  async note(campaign: string, told: Omit<ToldRefusals, 'now'>, holdMs: number | null): Promise<NotedRefusals> {
    const keys = [this.#keys.campaign(campaign), this.#keys.counts(campaign), this.#keys.refusals(campaign)]
    const { teller, number, code, refusals, claimedAt } = told
    const { unproven, proven } = REFUSAL_RUN_LIMITS
    const words = [teller, number, code, refusals, Math.floor(claimedAt), unproven, proven]
    const reply = await NOTE.run(this.#client, keys, [...words, `code_${code}`, holdMs ?? '', KEPT_S])
    const [, held, stoodStillAt] = reply as [number, number, number]
    return { held: held === 1, stoodStillAt }
  }
}
