/** Why a number that is real will not be reached by marketing messages. Counted as a warning, not refused. */
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
const NOT_ELIGIBLE: readonly (readonly [from: number, to: number])[] = [
  ...span(53, [6, 7, 8, 10]),
  ...span(98, [6, 7, 10]),
  ...span(850, [8, 10]),
  ...span(963, [8, 9]),
  ...span(58, [10]),
]

/**
 * What upstream should know of a number at intake. Meta answers 131049 for every number of the United States since April
 * 2025: the marketing endpoint never delivers there.
 *
 * @param to E.164 without '+'.
 */
export function reachWarning(to: number): ReachWarning | null {
  if (to >= 10_000_000_000 && to < 20_000_000_000) return NOT_US.has(Math.floor(to / 10_000_000) % 1000) ? null : 'us_number'
  for (const [from, end] of NOT_ELIGIBLE) if (to >= from && to < end) return 'country_not_eligible'
  return null
}

function span(code: number, lengths: readonly number[]): (readonly [number, number])[] {
  return lengths.map((length) => [code * 10 ** length, (code + 1) * 10 ** length])
}
