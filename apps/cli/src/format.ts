import { explain } from '@chasqui/delivery'

import type { Cost, Numbers, Report } from './report.ts'
import { settledOf } from './report.ts'

const thousands = new Intl.NumberFormat('en')

export function formatNumber(value: number): string {
  return thousands.format(value)
}

/** Rows as columns of equal width; numbers stand to the right. */
export function formatTable(header: readonly string[], rows: ReadonlyArray<readonly (string | number)[]>): string[] {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? formatNumber(cell) : cell)))
  const widths = header.map((title, column) => Math.max(title.length, ...texts.map((row) => row[column]?.length ?? 0)))
  const isNumber = header.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'))
  return [header, ...texts].map((row) =>
    row
      .map((cell, column) =>
        isNumber[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}

/** A campaign and its numbers, for people. */
export function formatReport(report: Report): string[] {
  const { counts, delivery, errors, route, replies, lost, duplicates, cost, intake, runs } = report
  const recipients = counts['recipients'] ?? 0
  return [
    `${report.name}  ${report.id}`,
    `${statusOf(report)}  ·  sender ${report.sender}`,
    ...Object.entries(report.times).map(([name, time]) => `  ${TIME_NAMES[name] ?? name} ${time}`),
    '',
    ...share('recipients', counts, recipients),
    ...section('of the accepted', delivery, counts['accepted'] ?? 0),
    ...section('route', route, counts['accepted'] ?? 0),
    ...section('replies', replies, delivery['delivered'] ?? 0),
    ...section('lost answers, by what settled them', lost, 0),
    ...(duplicates === 0 ? [] : ['', `${formatNumber(duplicates)} recipients got two messages`]),
    ...costLines(cost),
    ...failureLines(
      'errors',
      Object.entries(errors).map(([code, count]) => ({ code: Number(code), count })),
    ),
    ...section('rows taken in', intake, intake['rows'] ?? 0),
    ...(report.finishAt === null ? [] : ['', `through about ${report.finishAt} (limited by ${report.limitedBy})`]),
    ...(runs.length === 0 ? [] : ['', 'runs', ...runs.map(({ id, at }) => `  ${at}  ${id}`)]),
  ]
}

const TIME_NAMES: Readonly<Record<string, string>> = {
  createdAt: 'created  ',
  startAt: 'starts   ',
  launchedAt: 'launched ',
  endedAt: 'ended    ',
  notAfter: 'not after',
}

function statusOf({ status, reason }: Report): string {
  return reason === null ? status : `${status} (${reason})`
}

function share(title: string, numbers: Numbers, whole: number): string[] {
  const rows = Object.entries(numbers).filter(([name, count]) => name !== 'recipients' && count > 0)
  return aligned([[title, whole], ...rows.map(([name, count]) => [`  ${name}`, count] as const)], whole)
}

function section(title: string, numbers: Numbers, whole: number): string[] {
  const rows = Object.entries(numbers).filter(([, count]) => count > 0)
  return rows.length === 0
    ? []
    : [
        '',
        title,
        ...aligned(
          rows.map(([name, count]) => [`  ${name}`, count]),
          whole,
        ),
      ]
}

/** Failures of one code; `null`: of many codes. */
export type Failed = { readonly code: number | null; readonly count: number }

/** Failures in words, the most first; what one asks for stands under it, where somebody can do something about it. */
export function failureLines(title: string, failures: readonly Failed[]): string[] {
  const rows = failures.filter(({ count }) => count > 0).toSorted((a, b) => b.count - a.count)
  if (rows.length === 0) return []
  const lines = rows.flatMap(({ code, count }) => {
    const { meaning, whatToDo } = code === null ? MANY_CODES : explain(code)
    const line = `  ${(code === null ? 'others' : String(code)).padEnd(8)}${formatNumber(count).padStart(12)}  ${meaning}`
    return whatToDo.startsWith('nothing') ? [line] : [line, `${' '.repeat(24)}→ ${whatToDo}`]
  })
  return ['', title, ...lines]
}

const MANY_CODES = { meaning: 'many other codes', whatToDo: 'look at the logs' }

function costLines(cost: Cost | null): string[] {
  if (cost === null || cost.billable + cost.free + cost.untold === 0) return []
  const { currency, amount, billable, unpriced, free, untold } = cost
  const price = amount === null || currency === null ? 'no rate card' : `${amount} ${currency}`
  const rows: [string, number][] = [
    ['  billable', billable],
    ['  without a price', unpriced],
    ['  free', free],
    ['  price not told', untold],
  ]
  return [
    '',
    `cost  ${price}`,
    ...rows
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${name.padEnd(20)}${formatNumber(count).padStart(12)}`),
  ]
}

function aligned(rows: ReadonlyArray<readonly [name: string, count: number]>, whole: number): string[] {
  return rows.map(([name, count]) => {
    const percent = whole === 0 ? '' : `  ${((count / whole) * 100).toFixed(1).padStart(5)} %`
    return `${name.padEnd(20)}${formatNumber(count).padStart(12)}${percent}`
  })
}

/** One line of what a campaign is doing. `perSecond`: recipients settled a second since the line before, if there was one. */
export function formatProgress(report: Report, perSecond: number | null): string {
  const { counts } = report
  const recipients = counts['recipients'] ?? 0
  const parts = [
    `${statusOf(report)}  ${formatNumber(settledOf(report))} of ${formatNumber(recipients)}${percentOf(settledOf(report), recipients)}`,
  ]
  for (const name of ['accepted', 'rejected', 'unknown', 'expired', 'suppressed', 'canceled'])
    if ((counts[name] ?? 0) > 0) parts.push(`${name} ${formatNumber(counts[name] ?? 0)}`)
  if (perSecond !== null) parts.push(`${formatNumber(Math.round(perSecond))}/s`)
  if (report.finishAt !== null) parts.push(`through about ${report.finishAt}`)
  return parts.join('  ·  ')
}

function percentOf(part: number, whole: number): string {
  return whole === 0 ? '' : ` (${((part / whole) * 100).toFixed(1)} %)`
}

/** The same for a log: a time and `name=value`. */
export function formatLogLine(report: Report, perSecond: number | null, at: string): string {
  const numbers = Object.entries(report.counts).map(([name, count]) => `${name}=${count}`)
  const rate = perSecond === null ? [] : [`per_second=${Math.round(perSecond)}`]
  const reason = report.reason === null ? [] : [`reason=${JSON.stringify(report.reason)}`]
  const finish = report.finishAt === null ? [] : [`finish_at=${report.finishAt}`]
  return [at, `status=${report.status}`, ...reason, ...numbers, ...rate, ...finish].join(' ')
}
