import type { CampaignReport } from './campaign.ts'
import { bar, number } from './text.ts'

/** Plain lines come this far apart; on a terminal the lines are redrawn with every report. */
const PLAIN_EVERY_MS = 2_000
const BAR = 40

/** Shows a campaign as it runs. */
export class Progress {
  readonly #out: NodeJS.WriteStream
  #drawn = 0
  #lastPlainMs = -Infinity
  #lastPlain = ''

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
  }

  show(report: CampaignReport, elapsedMs: number): void {
    if (this.#out.isTTY) return this.#redraw(progressLines(report, elapsedMs))
    const text = progressLine(report, elapsedMs)
    if (elapsedMs - this.#lastPlainMs < PLAIN_EVERY_MS || text === this.#lastPlain) return
    this.#lastPlainMs = elapsedMs
    this.#lastPlain = text
    this.#out.write(`${text}\n`)
  }

  #redraw(lines: readonly string[]): void {
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : ''
    this.#out.write(up + lines.map((text) => `\u001b[2K${text}\n`).join(''))
    this.#drawn = lines.length
  }
}

function handled({ counts }: CampaignReport): number {
  return (counts['recipients'] ?? 0) - (counts['pending'] ?? 0) - (counts['sending'] ?? 0)
}

function progressLine(report: CampaignReport, elapsedMs: number): string {
  const { counts, delivery } = report
  const of = counts['recipients'] ?? 0
  const parts = [
    `${number(handled(report))} of ${number(of)} sent`,
    `delivered ${number(delivery['delivered'] ?? 0)}`,
    `read ${number(delivery['read'] ?? 0)}`,
    `failed ${number(delivery['failed'] ?? 0)}`,
  ]
  return `${String(Math.round(elapsedMs / 1000)).padStart(4)} s  ${report.status}  ${parts.join(', ')}`
}

function progressLines(report: CampaignReport, elapsedMs: number): string[] {
  const { counts, delivery, forecast } = report
  const of = counts['recipients'] ?? 0
  const row = (label: string, value: number): string =>
    `  ${label.padEnd(12)}${bar(of === 0 ? 0 : value / of, BAR).padEnd(BAR)} ${number(value)}`
  const finish =
    forecast.finishAt === null
      ? ''
      : `, done about ${forecast.finishAt.slice(11, 19)} UTC (${forecast.limitedBy ?? ''})`
  return [
    `${report.status}, ${(elapsedMs / 1000).toFixed(1)} s${finish}`,
    row('handed over', handled(report)),
    row('delivered', delivery['delivered'] ?? 0),
    row('read', delivery['read'] ?? 0),
    row('failed', (delivery['failed'] ?? 0) + (counts['rejected'] ?? 0)),
  ]
}
