import type { Sender } from '@chasqui/runtime'

import type { ConfiguredRate } from './conditions.ts'

/** The senders as webhooks name them. One book for all parts: when SENDERS_FILE changes, its maps do, in place. */
export class SenderBook {
  readonly #senderOf = new Map<string, string>()
  readonly #byMessageId = new Map<string, string>()
  readonly #sendersOf = new Map<string, ReadonlySet<string>>()
  readonly #rates = new Map<string, ConfiguredRate>()

  constructor(senders: readonly Sender[]) {
    this.hold(senders)
  }

  /** Phone number id -> sender id. */
  get senderOf(): ReadonlyMap<string, string> {
    return this.#senderOf
  }

  /** Phone number id -> sender id, of senders whose statuses are known by the message's id. */
  get byMessageId(): ReadonlyMap<string, string> {
    return this.#byMessageId
  }

  /** WhatsApp Business Account -> its senders' ids. */
  get sendersOf(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#sendersOf
  }

  /** Sender id -> its rates. */
  get rates(): ReadonlyMap<string, ConfiguredRate> {
    return this.#rates
  }

  /** These are the senders from now on. */
  hold(senders: readonly Sender[]): void {
    for (const map of [this.#senderOf, this.#byMessageId, this.#sendersOf, this.#rates]) map.clear()
    for (const sender of senders) {
      const { id, phoneNumberId, wabaId, correlation } = sender
      this.#senderOf.set(phoneNumberId, id)
      if (correlation === 'message_id') this.#byMessageId.set(phoneNumberId, id)
      this.#sendersOf.set(wabaId, new Set([...(this.#sendersOf.get(wabaId) ?? []), id]))
      this.#rates.set(id, sender)
    }
  }
}
