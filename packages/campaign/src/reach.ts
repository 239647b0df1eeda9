/** Why a number that is real will not be reached by marketing messages: a warning, or where a campaign does not force it, a refusal. */
export type ReachWarning = 'us_number' | 'country_not_eligible'

/** Area codes of +1 outside the United States and its territories: Canada and the Caribbean. */
const NOT_US = new Set(
  (
    '204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 387 403 416 418 428 431 437 438 450 460 468 474 506 514 519 537 548 568 579 581 584 587 604 613 639 647 ' +
    '672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 902 905 942 ' +
    '242 246 264 268 284 345 441 473 649 658 664 721 758 767 784 809 829 849 868 869 876'
  )
    .split(' ')
    .map(Number),
)

/** Cuba, Iran, North Korea, Syria, Venezuela: businesses cannot message numbers there (Meta, "Get started", May 2026). */
const NOT_ELIGIBLE: readonly Span[] = [
  ...spans(53, [6, 7, 8, 10]),
  ...spans(98, [6, 7, 10]),
  ...spans(850, [8, 10]),
  ...spans(963, [8, 9]),
  ...spans(58, [10]),
].sort((a, b) => a.from - b.from)

/** Numbers from `from` on, up to but without `end`. */
type Span = { readonly from: number; readonly end: number }

/**
 * What upstream should know of a number at intake. Meta answers 131049 for every number of the United States since April
 * 2025: the marketing endpoint never delivers there.
 *
 * @param to E.164 without '+'.
 */
export function reachWarning(to: number): ReachWarning | null {
  if (to >= 10_000_000_000 && to < 20_000_000_000)
    return NOT_US.has(Math.floor(to / 10_000_000) % 1000) ? null : 'us_number'
  return isWithin(NOT_ELIGIBLE, to) ? 'country_not_eligible' : null
}

/** Whether a number lies in one of these spans, which are sorted and apart: asked millions of times an upload. */
function isWithin(sorted: readonly Span[], number: number): boolean {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle]?.end ?? 0) <= number) low = middle + 1
    else high = middle
  }
  return (sorted[low]?.from ?? Number.POSITIVE_INFINITY) <= number
}

function spans(code: number, lengths: readonly number[]): Span[] {
  return lengths.map((length) => ({ from: code * 10 ** length, end: (code + 1) * 10 ** length }))
}
