import { digitsOf } from '@chasqui/store'
import type { Echoes, Heard as Hearing, Notices, Senders, Suppressions } from '@chasqui/store'

import type { Heard } from './echo.ts'
import type { Batch } from './lessons.ts'
import type { StatusMetrics } from './metrics.ts'
import type { Notice } from './notice.ts'

export type DeedsOptions = {
  readonly senders: Senders
  readonly suppressions: Suppressions
  readonly notices: Notices
  readonly echoes: Echoes
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
    await Promise.all([this.#suppress(batch), this.#heed(batch), this.#count(batch)])
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

  /** Replies and clicks, each once; those of numbers that are not ours are let go. */
  async #count({ replies, clicks }: Batch): Promise<void> {
    if (replies.length === 0 && clicks.length === 0) return
    const { echoes, metrics, now } = this.#options
    const uncounted = await Promise.all([
      echoes.countReplies(this.#ours(replies), now()),
      echoes.countClicks(this.#ours(clicks), now()),
    ])
    metrics.echoesUncounted.inc(uncounted[0] + uncounted[1])
  }

  #ours<T>(heard: readonly Heard<T>[]): (Heard<T> & { readonly sender: string })[] {
    return heard.flatMap((one) => {
      const sender = this.#options.senderOf.get(one.phoneNumberId)
      return sender === undefined ? [] : [{ ...one, sender }]
    })
  }

  async #hear(notice: Notice, senders: ReadonlySet<string>): Promise<Hearing> {
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
