import { restDelay } from '@chasqui/delivery'
import type { Effect, ErrorScope, Outcome } from '@chasqui/delivery'
import type { Senders } from '@chasqui/store'

export type EffectsOptions = {
  readonly senders: Senders
  readonly sender: string
  /** Senders that news of this scope is about, this one among them: all of an account, all that share a token. */
  readonly concerned: (scope: ErrorScope) => readonly string[]
  /** Stop a campaign with a reason; it stays stopped until somebody, or `until` (ms by Redis), resumes it. */
  readonly holdCampaign: (campaign: string, reason: string, until: number | null) => Promise<void>
  /** Ms by Redis' clock. */
  readonly now: () => number
  readonly random: () => number
  readonly onBlocked: (sender: string, code: number, until: number) => void
  /** The sender rests, for this many ms: the endpoint cannot be reached, is not well, or says so itself. */
  readonly onRest: (sender: string, reason: string, forMs: number) => void
  /** The first message taken after one or more rests. */
  readonly onRested: (sender: string) => void
}

/** Many messages in flight hear the same news; it is acted upon once in this time, ms. */
const SAME_NEWS_MS = 500
/** After 130429 nobody of the sender starts anything for this long, ms; the lower rate does the rest. */
const THROTTLE_REST_MS = 250
/** So many lost answers in a row, without one that could be read, are an outage and not chance. */
const LOST_IN_A_ROW = 10
const OUTAGE_REST_MS = 1_000
const OUTAGE = 'answers are lost one after another'

/** Carries out what an answer means for more than its own recipient: the sender slows down, rests or stops, a campaign is held. */
export class Effects {
  readonly #options: EffectsOptions
  readonly #heard = new Map<string, number>()
  /** Rests in a row without a message taken in between: each rest is longer than the one before. */
  #restsInARow = 0
  #lostInARow = 0
  #lostBy = ''

  constructor(options: EffectsOptions) {
    this.#options = options
  }

  async carryOut(campaign: string, effect: Effect): Promise<void> {
    const { senders, sender, now, random } = this.#options
    switch (effect.kind) {
      case 'none':
        return
      case 'throttle':
        if (this.#isNews('throttle')) await senders.throttle(sender, effect.waitMs ?? THROTTLE_REST_MS)
        return
      case 'rest': {
        if (!this.#isNews(`rest ${effect.reason}`)) return
        const forMs = Math.max(effect.askedMs ?? 0, restDelay(effect.restMs, this.#restsInARow++, random()))
        this.#options.onRest(sender, effect.reason === OUTAGE ? `${OUTAGE}: ${this.#lostBy}` : effect.reason, forMs)
        await senders.rest(sender, forMs)
        return
      }
      case 'block_sender': {
        if (!this.#isNews(`block ${effect.code}`)) return
        const since = Math.floor(now())
        const until = since + effect.forMs
        const { code, scope } = effect
        // The others would only hear the same, each at the cost of a message.
        await Promise.all(
          this.#options.concerned(scope).map(async (id) => {
            await senders.block(id, `code_${code}`, { since, until, code, detail: scope })
            this.#options.onBlocked(id, code, until)
          }),
        )
        return
      }
      case 'hold_campaign':
        if (!this.#isNews(`hold ${campaign}`)) return
        await this.#options.holdCampaign(
          campaign,
          `code_${effect.code}`,
          effect.forMs === null ? null : now() + effect.forMs,
        )
    }
  }

  /** Told of every outcome: an endpoint that answers is well, one that loses answer after answer gets a rest. `null`: nothing follows. */
  hear(campaign: string, outcome: Outcome): Promise<void> | null {
    if (outcome.kind === 'accepted' && this.#restsInARow > 0) {
      this.#restsInARow = 0
      this.#options.onRested(this.#options.sender)
    }
    if (outcome.kind === 'accepted' || outcome.kind === 'refused') this.#lostInARow = 0
    if (outcome.kind !== 'lost') return null
    this.#lostInARow += 1
    this.#lostBy = outcome.reason
    if (this.#lostInARow < LOST_IN_A_ROW) return null
    return this.carryOut(campaign, {
      kind: 'rest',
      restMs: OUTAGE_REST_MS,
      askedMs: null,
      reason: OUTAGE,
    })
  }

  #isNews(news: string): boolean {
    const now = this.#options.now()
    const before = this.#heard.get(news)
    if (before !== undefined && now - before < SAME_NEWS_MS) return false
    this.#heard.set(news, now)
    return true
  }
}
