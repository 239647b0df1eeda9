import { type Summary, summarize } from './statistics.ts'

/** What a figure should reach. `null` for those that are only shown, as what a ratio was made of. */
export type Reach = { readonly atLeast: number } | { readonly atMost: number } | null

export type Figure = Summary & {
  readonly figure: string
  readonly unit: string
  readonly runs: number
  readonly reach: Reach
  /** Whether the median is within reach; `null` when nothing was to be reached. */
  readonly ok: boolean | null
  /** What the reader should know beside the number, in one line. */
  readonly note: string
}

export function figure(name: string, unit: string, runs: readonly number[], reach: Reach = null, note = ''): Figure {
  const summary = summarize(runs)
  return { figure: name, unit, ...summary, runs: runs.length, reach, ok: isWithin(summary.median, reach), note }
}

function isWithin(value: number, reach: Reach): boolean | null {
  if (reach === null) return null
  return 'atLeast' in reach ? value >= reach.atLeast : value <= reach.atMost
}

/** One line for machines: `reach` reads like `>= 4` or `<= 64`, or is null. */
export function toJsonLine({ median, min, max, reach, note, ...rest }: Figure): string {
  return JSON.stringify({
    figure: rest.figure,
    unit: rest.unit,
    median: rounded(median),
    min: rounded(min),
    max: rounded(max),
    runs: rest.runs,
    reach: reach === null ? null : reachText(reach),
    ok: rest.ok,
    ...(note === '' ? {} : { note }),
  })
}

/** The same for people: one row a figure, columns padded. */
export function toTable(figures: readonly Figure[]): string {
  const rows = figures.map((each) => [
    each.ok === null ? ' ' : each.ok ? '✓' : '✗',
    each.figure,
    shown(each.median),
    each.runs === 1 ? '' : `${shown(each.min)} … ${shown(each.max)}`,
    each.unit,
    each.reach === null ? '' : reachText(each.reach),
    each.note,
  ])
  const table = [['', 'figure', 'median', 'min … max', 'unit', 'reach', ''], ...rows]
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? []
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function reachText(reach: NonNullable<Reach>): string {
  return 'atLeast' in reach ? `>= ${reach.atLeast}` : `<= ${reach.atMost}`
}

/** Three digits that mean something: more would be noise. */
function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}

function shown(value: number): string {
  return rounded(value).toLocaleString('en-US', { maximumFractionDigits: 6 })
}
