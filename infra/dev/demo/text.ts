/** Ways to write numbers and tables in the terminal. */

export const number = (value: number): string => Math.round(value).toLocaleString('en-US')

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

/** `12 letters, 9 too_short`, the most frequent first. */
export function tally(counts: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a)
  return sorted.map(([name, count]) => `${number(count)} ${name}`).join(', ') || 'none'
}

/** A bar of `width` cells, in eighths. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8)
  const part = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8] ?? ''
  return '█'.repeat(Math.floor(eighths / 8)) + part
}

/** A label in a column of its own, then the text. */
export const line = (label: string, text: string): string => `  ${label.padEnd(14)}${text}`
