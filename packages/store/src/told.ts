import { STATE, stateOf, TOLD } from '@chasqui/delivery'

import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'

/** What the counters say of how far a campaign has come. */
export type Progress = {
  /** Nobody is pending or on the way. */
  readonly nothingOpen: boolean
  readonly unknown: number
  readonly accepted: number
  /** Not fewer than those accepted of whom a webhook has told; some are counted twice. */
  readonly toldAtMost: number
}

/** Ledger bytes read at a time: no answer and no memory grows with the campaign. */
const PIECE = 65_536

/** Of whose messages webhooks have told. */
export class ToldMessages {
  readonly #client: RedisClient
  readonly #keys: Keys

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  async progress(campaign: string): Promise<Progress> {
    const fields = ['pending', 'sending', 'unknown', 'accepted', 'delivery:sent', 'delivery:failed']
    const stored = await this.#client.hmget(this.#keys.counts(campaign), ...fields)
    const [pending = 0, sending = 0, unknown = 0, accepted = 0, sent = 0, failed = 0] = stored.map(Number)
    return { nothingOpen: pending + sending === 0, unknown, accepted, toldAtMost: sent + failed }
  }

  /** Whether a webhook has told of every recipient that is accepted; reads two bytes a recipient, in pieces. */
  async ofAllAccepted(campaign: string): Promise<boolean> {
    for (let from = 0; ; from += PIECE) {
      const [states, facts] = await Promise.all(
        [this.#keys.states(campaign), this.#keys.facts(campaign)].map(
          async (key) => await this.#client.getrangeBuffer(key, from, from + PIECE - 1),
        ),
      )
      if (states === undefined || states.length === 0) return true
      for (const [index, byte] of states.entries())
        if (stateOf(byte) === STATE.accepted && ((facts?.[index] ?? 0) & TOLD) === 0) return false
    }
  }
}
