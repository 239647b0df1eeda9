import { Failure } from '../failure.ts'
import { follow } from '../follow.ts'
import { formatLogLine, formatProgress } from '../format.ts'
import { hasEnded, readReport, settledOf } from '../report.ts'
import type { Report } from '../report.ts'
import { Ticker } from '../ticker.ts'
import type { Context } from './command.ts'

/**
 * Follows a campaign until it has ended: a line that is rewritten on a terminal, a line now and then elsewhere, every
 * report with `--json`.
 */
export async function watch(
  { api, output, io }: Context,
  id: string,
  options: { readonly every: number },
): Promise<void> {
  const ticker = new Ticker(io.stdout)
  const pace = new Pace()
  let last: Report | null = null
  let saidAt = -Infinity
  for await (const answer of follow(api, `/v1/campaigns/${encodeURIComponent(id)}`)) {
    const report = readReport(answer)
    const now = io.now()
    const perSecond = pace.of(report, now)
    const isNews = last?.status !== report.status || last?.reason !== report.reason
    if (output.json) output.show(answer, [])
    else if (ticker.isLive) {
      if (isNews && last !== null) ticker.end()
      ticker.show(formatProgress(report, perSecond))
    } else if (isNews || hasEnded(report) || now - saidAt >= options.every * 1_000) {
      output.show(answer, [formatLogLine(report, perSecond, new Date(now).toISOString())])
      saidAt = now
    }
    last = report
    if (hasEnded(report)) break
  }
  ticker.end()
  if (last?.status === 'canceled') throw new Failure('no', `${last.name} was canceled`)
}

/** How fast recipients are settled, over the last reports. */
class Pace {
  #seen: { readonly settled: number; readonly at: number } | null = null
  #perSecond: number | null = null

  of(report: Report, now: number): number | null {
    const settled = settledOf(report)
    const before = this.#seen
    if (before === null) this.#seen = { settled, at: now }
    else if (now - before.at >= 1_000) {
      this.#perSecond = ((settled - before.settled) * 1_000) / (now - before.at)
      this.#seen = { settled, at: now }
    }
    return this.#perSecond
  }
}
