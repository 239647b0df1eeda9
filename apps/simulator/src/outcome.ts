import { LOST, LOST_KINDS } from './lost.ts'
import type { Lost } from './lost.ts'

/**
 * What became of a request, as the ledger keeps it: answered with a message id (`accepted`, or `held` by pacing),
 * refused with a Graph error, or one of the ways of losing the answer.
 */
export type Outcome = 'accepted' | 'held' | 'refused' | Lost

/** In the ledger an outcome is its place in this list. */
export const OUTCOMES: readonly Outcome[] = ['accepted', 'held', 'refused', ...LOST_KINDS]

/** Whether the endpoint took the message, whatever it told the sender. This is what counts as a send. */
export function isProcessed(outcome: Outcome): boolean {
  if (outcome === 'refused') return false
  return outcome === 'accepted' || outcome === 'held' || LOST[outcome].processed
}

/** Whether the sender was left without a clear answer. */
export function isLost(outcome: Outcome): outcome is Lost {
  return outcome !== 'accepted' && outcome !== 'held' && outcome !== 'refused'
}
