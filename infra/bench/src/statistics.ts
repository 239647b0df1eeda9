/** What several runs of one measurement say together. */
export type Summary = { readonly median: number; readonly min: number; readonly max: number }

/** The median of an even number of runs is the mean of the middle two. Throws on no runs: a figure needs at least one. */
export function summarize(runs: readonly number[]): Summary {
  if (runs.length === 0) throw new RangeError('a summary needs at least one run')
  const sorted = runs.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const lower = sorted[Math.floor(middle)] ?? Number.NaN
  const upper = sorted[Math.ceil(middle)] ?? Number.NaN
  return { median: (lower + upper) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN }
}

/**
 * Ratios round by round: what ran side by side is compared with each other, so a machine that slows down for a minute
 * slows both sides of a ratio and not one of them.
 */
export function ratios(ours: readonly number[], theirs: readonly number[]): number[] {
  if (ours.length !== theirs.length) throw new RangeError(`${ours.length} runs against ${theirs.length}`)
  return ours.map((value, round) => value / (theirs[round] ?? Number.NaN))
}

/** A counter as it stood at a moment. */
export type Reading = { readonly atMs: number; readonly count: number }

/** Events a second between two readings of one counter. */
export function ratePerSecond(from: Reading, to: Reading): number {
  const elapsedMs = to.atMs - from.atMs
  if (elapsedMs <= 0) throw new RangeError(`no time passed between the readings (${elapsedMs} ms)`)
  return ((to.count - from.count) * 1000) / elapsedMs
}
