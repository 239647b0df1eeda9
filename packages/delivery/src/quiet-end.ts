import { FACT } from './facts.ts'

/**
 * The end of a campaign that runs alone: nobody is left but people whose answer was lost, and no later message of the
 * sender is there whose status could show that webhooks still flow. What shows it then is the campaign's own: every
 * message that was accepted has been told of, and so has something that happened after the lost attempt. If a whole
 * window after that moment was seen, with webhooks taken all the time, nothing has been heard of the attempt, it was not
 * taken: had its status been as late as that of the others, it would have come within the time that the attempt itself
 * can have taken.
 */
export type Sighting = {
  /** When all this was seen, ms by Redis. */
  readonly at: number
  /** Recipients accepted by then, each told of. One more, and it is another moment. */
  readonly accepted: number
  /** The latest event of the sender that a webhook had told of by then, ms. */
  readonly webhooksUntil: number
}

/** What is seen of a campaign now. */
export type EndView = Sighting & {
  /** Nobody of it is pending or on the way. */
  readonly nothingOpen: boolean
  /** For how long webhooks have been taken without a break, ms. */
  readonly steadyForMs: number
}

/** Facts by which a webhook, and nobody else, tells of an accepted message. */
export const TOLD = FACT.sent | FACT.delivered | FACT.read | FACT.failed

/**
 * @param seen the last sighting; `null`: none.
 * @returns `keep`: wait on; `anew`: begin again, with a sighting of now if all accepted messages are told of;
 *   `through`: attempts that began by `until` (ms) were not taken.
 */
export function watchEnd(
  seen: Sighting | null,
  now: EndView,
  windowMs: number,
): { readonly kind: 'keep' | 'anew' } | { readonly kind: 'through'; readonly until: number } {
  if (!now.nothingOpen || now.accepted === 0) return { kind: 'anew' }
  if (seen === null || seen.accepted !== now.accepted) return { kind: 'anew' }
  const waited = now.at - seen.at
  if (now.steadyForMs < waited) return { kind: 'anew' }
  return waited < windowMs ? { kind: 'keep' } : { kind: 'through', until: seen.webhooksUntil }
}
