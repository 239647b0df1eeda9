import { digitsOf } from '@chasqui/store'
import type { Heard, Notices, Senders, Suppressions } from '@chasqui/store'

import type { Batch } from './lessons.ts'
import type { StatusMetrics } from './metrics.ts'
import type { Notice } from './notice.ts'

export type DeedsOptions = {
  readonly senders: Senders
  readonly suppressions: Suppressions
  readonly notices: Notices
  readonly metrics: StatusMetrics
  /** Phone number id -> sender id. */
  readonly senderOf: ReadonlyMap<string, string>
  /** WhatsApp Business Account -> its senders. */
  readonly sendersOf: ReadonlyMap<string, ReadonlySet<string>>
  /** Ms since 1970. */
  readonly now: () => number
  /** Something was done about a notice, once. */
  readonly onActed: (notice: Notice) => void
}

const NOBODY: ReadonlySet<string> = new Set()

/**
 * Does what webhooks ask for besides counting statuses. Each deed may be done again: what is asked for twice, late or in
 * another order ends in the same, so a batch that failed half-way is simply carried out anew.
 */
export class Deeds {
  readonly #options: DeedsOptions
  /** Sender -> its display number, as far as this process has written it down. */
  readonly #displayNumbers = new Map<string, string>()

  constructor(options: DeedsOptions) {
    this.#options = options
  }

  async carryOut(batch: Batch): Promise<void> {
    await Promise.all([this.#suppress(batch), this.#heed(batch)])
  }

  /** Opt-outs, by the person's own word or by Meta's answer to a send, hold for every later claim. */
  async #suppress({ words }: Batch): Promise<void> {
    for (const { number, value, at } of words) await this.#options.suppressions.hear(number, value, at)
  }

  /** What may not be sent any more is held, and let go again; limits are taken over. */
  async #heed(batch: Batch): Promise<void> {
    // Events about a number name it as people see it: what is known of that comes first.
    await this.#learnDisplayNumbers(batch)
    for (const notice of batch.notices) {
      const result = await this.#hear(notice, this.#options.sendersOf.get(notice.wabaId) ?? NOBODY)
      this.#options.metrics.notices.inc({ about: notice.kind, result })
      if (result === 'acted') this.#options.onActed(notice)
    }
  }

  async #hear(notice: Notice, senders: ReadonlySet<string>): Promise<Heard> {
    const { notices } = this.#options
    switch (notice.kind) {
      case 'template':
        return await notices.hearTemplate(notice, senders)
      case 'account':
        return await notices.hearAccount(notice, senders)
      case 'number':
        return await notices.hearNumber(notice, senders)
    }
  }

  async #learnDisplayNumbers({ displayNumbers }: Batch): Promise<void> {
    const { senderOf, senders, now } = this.#options
    for (const [phoneNumberId, display] of displayNumbers) {
      const sender = senderOf.get(phoneNumberId)
      if (sender === undefined || this.#displayNumbers.get(sender) === display) continue
      await senders.noteFact(sender, 'display_number', digitsOf(display), now())
      this.#displayNumbers.set(sender, display)
    }
  }
}
