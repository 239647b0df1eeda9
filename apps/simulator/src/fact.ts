/** What can be true of a message the endpoint took: one byte, a set. Our own numbering; nobody else reads it. */
export const FACT = {
  sent: 1,
  delivered: 2,
  read: 4,
  failed: 8,
  /** Taken as `held_for_quality_assessment`. */
  held: 16,
  /** Went by the marketing route, or fell back to Cloud API. */
  marketingLite: 32,
  fallback: 64,
  /** Only ever told: an answer that can be read was written to a connection that was still open. */
  answered: 128,
} as const

export type FactName = keyof typeof FACT

const NAMES = Object.keys(FACT) as readonly FactName[]

export function factNames(facts: number): FactName[] {
  return NAMES.filter((name) => (facts & FACT[name]) !== 0)
}

/** Messages by what is true of them, with what that implies: `sent >= delivered >= read`. */
export type FactCounts = {
  sent: number
  delivered: number
  read: number
  failed: number
  held: number
  marketing_lite: number
  marketing: number
}

export function noCounts(): FactCounts {
  return { sent: 0, delivered: 0, read: 0, failed: 0, held: 0, marketing_lite: 0, marketing: 0 }
}

/**
 * Adds one recipient. `read` implies `delivered` implies `sent`, since the endpoint leaves `delivered` out when both
 * coincide. Who was delivered to did not fail, whichever device said so; who was sent to or failed is no longer held.
 */
export function countFacts(counts: FactCounts, facts: number): void {
  const read = (facts & FACT.read) !== 0
  const delivered = read || (facts & FACT.delivered) !== 0
  const sent = delivered || (facts & FACT.sent) !== 0
  const failed = (facts & FACT.failed) !== 0
  if (read) counts.read++
  if (delivered) counts.delivered++
  if (sent) counts.sent++
  if (failed && !delivered) counts.failed++
  if ((facts & FACT.held) !== 0 && !sent && !failed) counts.held++
  if ((facts & FACT.marketingLite) !== 0) counts.marketing_lite++
  else if ((facts & FACT.fallback) !== 0) counts.marketing++
}
