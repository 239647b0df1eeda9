type Field = { readonly name: string; readonly from: number; readonly to: number; readonly names: readonly string[] }

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

const FIELDS: readonly Field[] = [
  { name: 'minute', from: 0, to: 59, names: [] },
  { name: 'hour', from: 0, to: 23, names: [] },
  { name: 'day of the month', from: 1, to: 31, names: [] },
  { name: 'month', from: 1, to: 12, names: MONTHS },
  { name: 'day of the week', from: 0, to: 7, names: DAYS },
]

/**
 * Why a text is not a cron pattern of five fields (minute, hour, day, month, weekday), in a sentence; `null` when it is.
 * No seconds: a campaign is no heartbeat, and its runs are named by the minute.
 */
export function cronProblem(pattern: string): string | null {
  const parts = pattern.trim().split(/\s+/)
  if (parts.length !== FIELDS.length)
    return `five fields are expected (minute hour day month weekday), found ${parts.length}`
  for (const [index, field] of FIELDS.entries()) {
    const part = parts[index] ?? ''
    if (!part.split(',').every((item) => fits(item, field)))
      return `the ${field.name} "${part}" cannot be read (${field.from}-${field.to}, *, a-b, a,b, */n)`
  }
  return null
}

function fits(item: string, field: Field): boolean {
  const match = /^(\*|([A-Za-z]{3}|\d{1,2})(?:-([A-Za-z]{3}|\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(item)
  if (match === null) return false
  const [, , first, last, step] = match
  if (step !== undefined && Number(step) < 1) return false
  if (first === undefined) return true
  const from = valueOf(first, field)
  const to = last === undefined ? from : valueOf(last, field)
  return from !== null && to !== null && from <= to
}

function valueOf(text: string, field: Field): number | null {
  const named = field.names.indexOf(text.toUpperCase())
  if (named >= 0) return named + (field.from === 1 ? 1 : 0)
  if (!/^\d+$/.test(text)) return null
  const value = Number(text)
  return value >= field.from && value <= field.to ? value : null
}
