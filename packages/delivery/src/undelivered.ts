/**
 * Messages that Meta has dropped: it tells nobody when a message outlives its template's TTL, so that is inferred once
 * the TTL has passed without `delivered`, `read` or `failed`, and taken back when one of them comes after all.
 *
 * Decisions:
 * - **A chunk is looked at once**, when the last message of it that may have been accepted has outlived its TTL. Every
 *   claim notes that time (claim + lease + TTL), for no message leaves later than its claim's lease; a status that proves
 *   a send after the look notes it anew. So no recipient needs a time of its own.
 * - **Only where the TTL is known to hold.** Over Cloud API a marketing template's TTL does not hold, so a message that
 *   fell back is never taken for undelivered; where falling back is allowed, neither is one whose route nobody told.
 * - The inference is a fact like the others: learning is union, and the view says what it counts as.
 */

import { dispositionOf } from './disposition.ts'
import { FACT, viewOf } from './facts.ts'
import { countView } from './fold.ts'
import type { Ledger } from './fold.ts'

/** Whether a message of which these facts are known was dropped, its TTL and the time for late webhooks having passed. */
export function hasLapsed(facts: number, strict: boolean): boolean {
  const { delivered, failed, marketing, marketing_lite: lite } = viewOf(facts)
  return delivered + failed + marketing === 0 && (strict || lite === 1)
}

/**
 * Look at one chunk if its messages had outlived their TTL by `until`, ms: the model of `infer-undelivered.lua`.
 *
 * @returns messages that count as undelivered now and did not before.
 */
export function inferUndelivered(ledger: Ledger, chunk: number, until: number): number {
  const { lapses } = ledger
  const end = lapses?.ends.get(chunk)
  if (lapses === undefined || end === undefined || end > until) return 0
  lapses.ends.delete(chunk)
  let inferred = 0
  const first = chunk * lapses.chunkRows
  for (let ordinal = first; ordinal < Math.min(first + lapses.chunkRows, ledger.states.length); ordinal++) {
    if (dispositionOf(ledger.states[ordinal] ?? 0) !== 'accepted') continue
    const known = ledger.facts[ordinal] ?? 0
    if ((known & FACT.undelivered) !== 0 || !hasLapsed(known, lapses.strict)) continue
    ledger.facts[ordinal] = known | FACT.undelivered
    countView(ledger.counts, known, known | FACT.undelivered)
    inferred += 1
  }
  return inferred
}
