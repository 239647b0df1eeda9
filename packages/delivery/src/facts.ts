/**
 * What is known to have happened to an accepted message: one byte, a set of facts. Learning is union, so order and
 * repetition of webhooks cannot matter. Numbers are stored in Redis and append-only.
 */
export const FACT = {
  sent: 1,
  delivered: 2,
  read: 4,
  failed: 8,
  /** Taken by Meta but held back by template or portfolio pacing. */
  held: 16,
  /** Inferred by us: the template's TTL passed without `delivered` (undelivered.ts). */
  undelivered: 32,
  /** `pricing.category` named the marketing route. */
  routeMarketingLite: 64,
  /** `pricing.category` named plain `marketing`: it fell back to Cloud API. */
  routeMarketing: 128,
} as const

export type FactName = keyof typeof FACT

/** The union of two sets of facts. Idempotent, commutative, associative. */
export function learn(known: number, learned: number): number {
  return known | learned
}

/** Facts that prove that the endpoint took the message. `undelivered` is our own inference and proves nothing. */
export const PROOF =
  FACT.sent | FACT.delivered | FACT.read | FACT.failed | FACT.held | FACT.routeMarketingLite | FACT.routeMarketing

/** The delivery counters one message adds to, each 0 or 1 (contract.md, `delivery` and `route`). */
export type DeliveryView = {
  readonly sent: 0 | 1
  readonly delivered: 0 | 1
  readonly read: 0 | 1
  readonly failed: 0 | 1
  readonly undelivered: 0 | 1
  readonly held: 0 | 1
  readonly marketing_lite: 0 | 1
  readonly marketing: 0 | 1
}

/**
 * What a set of facts counts as. A pure function of the set, so `counters = sum of views` at any time and a counter
 * moves by `view(new) - view(old)`.
 *
 * - `read` implies `delivered` implies `sent`: Meta leaves `delivered` out when both coincide (webhook reference).
 * - Delivered wins over failed: with several devices both can come, in either order, and the person did see it.
 * - `undelivered` is taken back by a later `delivered`, `read` or `failed`, and by word that the message fell back to
 *   Cloud API, where the TTL does not hold.
 * - `held` is over with whatever follows the hold, the inference that the message was dropped included.
 */
export function viewOf(facts: number): DeliveryView {
  const read = has(facts, FACT.read)
  const delivered = read || has(facts, FACT.delivered)
  const sent = delivered || has(facts, FACT.sent)
  const failed = !delivered && has(facts, FACT.failed)
  const fellBack = !has(facts, FACT.routeMarketingLite) && has(facts, FACT.routeMarketing)
  const undelivered = !delivered && !failed && !fellBack && has(facts, FACT.undelivered)
  return {
    sent: bit(sent),
    delivered: bit(delivered),
    read: bit(read),
    failed: bit(failed),
    undelivered: bit(undelivered),
    held: bit(!sent && !undelivered && !has(facts, FACT.failed) && has(facts, FACT.held)),
    marketing_lite: bit(has(facts, FACT.routeMarketingLite)),
    marketing: bit(fellBack),
  }
}

function has(facts: number, fact: number): boolean {
  return (facts & fact) !== 0
}

function bit(value: boolean): 0 | 1 {
  return value ? 1 : 0
}
