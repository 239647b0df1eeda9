import { Failure } from './failure.ts'
import type { ExitName } from './failure.ts'

/** How many of an upload's refused rows are shown; the rest are counted. */
const REJECTIONS_SHOWN = 10

/**
 * An answer that is no success as a failure: an RFC 9457 problem document in its own words, anything else (a proxy's
 * page) by its status alone.
 *
 * @param context what was being done, as in `GET /v1/senders`.
 */
export function failureOf(status: number, body: string, context: string): Failure {
  const problem = problemIn(body)
  const exit = exitOf(status)
  if (problem === null) return new Failure(exit, `${context} was answered with ${status}, and not by Chasqui's API`)
  const { code, detail } = problem
  const details = [...fieldLines(problem), ...rejectionLines(problem)]
  if (exit === 'unauthorized') details.push('Set CHASQUI_API_KEY to a key of this installation.')
  return new Failure(exit, `${text(detail) || context} (${text(code)})`, { details, problem })
}

function exitOf(status: number): Exclude<ExitName, 'done'> {
  if (status === 401 || status === 403) return 'unauthorized'
  return status >= 400 && status < 500 ? 'refused' : 'unavailable'
}

type Problem = Readonly<Record<string, unknown>>

function problemIn(body: string): Problem | null {
  try {
    const parsed: unknown = JSON.parse(body)
    return isRecord(parsed) && typeof parsed['code'] === 'string' ? parsed : null
  } catch {
    return null
  }
}

/** The fields of the request that the problem points at; the first is in its detail already when it is alone. */
function fieldLines(problem: Problem): string[] {
  const errors = listOf(problem['errors'])
  return errors.map(
    (error) => `${text(error['pointer'] ?? error['parameter']) || 'the body'}: ${text(error['detail'])}`,
  )
}

/** A problem in the middle of an upload tells how far it came. */
function rejectionLines(problem: Problem): string[] {
  if (typeof problem['accepted'] !== 'number') return []
  const { accepted, duplicates, rejected } = problem
  return [
    `Stored before that: ${text(accepted)} new, ${text(duplicates)} known already, ${text(rejected)} rows refused.`,
    ...rejectedRows(problem['rejections']),
  ]
}

/** `line 7: to: too short` for the first refused rows of an upload. */
export function rejectedRows(rejections: unknown): string[] {
  const rows = listOf(rejections)
  const shown = rows.slice(0, REJECTIONS_SHOWN).map((row) => `line ${text(row['line'])}: ${text(row['message'])}`)
  return rows.length > shown.length ? [...shown, '…'] : shown
}

function listOf(value: unknown): Problem[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A value of an answer as people read it. */
export function text(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}
