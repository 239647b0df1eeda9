/** Everything said of how fast a sender may send, messages a second; `null`: nothing was said. */
export type RateWords = {
  /** The senders file: Meta's limit as the operator knows it. */
  readonly configured: number
  /** The senders file: never faster than this, whoever says so. */
  readonly cap: number | null
  /** An operator's word in Redis, for all processes at once. */
  readonly override: number | null
  /** What the provider told of the number. */
  readonly learned: number | null
  /** What was configured when `learned` was first used; `null`: it has not been used yet. */
  readonly learnedOver: number | null
}

/** Whose word is in force. */
export type RateOrigin = 'senders_file' | 'throughput_upgrade' | 'override' | 'cap'

/**
 * The rate in force, before what 130429 takes away for a while. What the provider told holds over what is configured until
 * somebody changes that: who edits the file after the upgrade means it. `packages/store/src/scripts/grant-slots.lua` does
 * the same.
 */
export function rateInForce(words: RateWords): { readonly messagesPerSecond: number; readonly origin: RateOrigin } {
  const wished = uncapped(words)
  return words.cap !== null && wished.messagesPerSecond > words.cap
    ? { messagesPerSecond: words.cap, origin: 'cap' }
    : wished
}

function uncapped({ configured, override, learned, learnedOver }: RateWords): ReturnType<typeof rateInForce> {
  if (override !== null) return { messagesPerSecond: override, origin: 'override' }
  if (learned !== null && (learnedOver === null || learnedOver === configured))
    return { messagesPerSecond: learned, origin: 'throughput_upgrade' }
  return { messagesPerSecond: configured, origin: 'senders_file' }
}
