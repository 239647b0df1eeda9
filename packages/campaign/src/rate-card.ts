import { z } from 'zod'

import { callingCodeOfCountry } from './country.ts'

/**
 * What delivered messages cost, as the operator knows it: Meta publishes its rates as files that change on the first day
 * of a quarter, and nothing here knows any of them. A CSV with a header:
 *
 *     country,category,price,currency,valid_from
 *     BR,marketing_lite,0.0625,USD,2026-07-01
 *     +91,marketing,0.0118,USD,2026-07-01
 *     *,marketing,0.0604,USD,2026-07-01
 *
 * A country is its ISO 3166 code, a calling code, or `*` for all that no other row names; the closer name wins, then the
 * later date. One card has one currency.
 */
export type RateCard = {
  readonly currency: string
  /** By country and category ({@link rateKey}), the latest first. */
  readonly rates: ReadonlyMap<string, readonly Rate[]>
}

export type Rate = {
  /** Millionths of the currency, of one message. */
  readonly micros: bigint
  /** Ms since 1970: the first moment of the day, UTC. */
  readonly validFrom: number
}

export type RateCardReading =
  | { readonly kind: 'read'; readonly value: RateCard }
  /** One line for each mistake: where, what was found, what is allowed. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] }

const COLUMNS = ['country', 'category', 'price', 'currency', 'valid_from'] as const
const CATEGORIES = [
  'marketing_lite',
  'marketing',
  'utility',
  'authentication',
  'authentication_international',
  'service',
  'referral_conversion',
] as const
const LINES_MAX = 20_000
const PROBLEMS_MAX = 20

const row = z.object({
  country: z
    .string()
    .transform((text) => text.toUpperCase().replace(/^\+/, ''))
    .refine((text) => text === '*' || /^[1-9]\d{0,2}$/.test(text) || callingCodeOfCountry(text) !== null, {
      error: 'an ISO 3166 code as BR, a calling code as +55, or * for every other country',
    }),
  category: z
    .string()
    .transform((text) => text.toLowerCase().replaceAll('-', '_'))
    .pipe(z.enum(CATEGORIES, { error: CATEGORIES.join(', ') })),
  price: z
    .string()
    .regex(/^\d{1,9}(\.\d{1,6})?$/, 'a price of one message with a point and at most 6 decimals, as 0.0625')
    .transform(microsOf),
  currency: z
    .string()
    .transform((text) => text.toUpperCase())
    .refine((text) => /^[A-Z]{3}$/.test(text), { error: 'an ISO 4217 code as USD' }),
  valid_from: z
    .string()
    .refine(isDay, { error: 'the first day on which it holds, as 2026-07-01' })
    .transform((day) => Date.parse(day)),
})

/** Read a rate card; whatever is wrong with it is said, line by line. */
export function readRateCard(text: string): RateCardReading {
  const [header = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const names = splitLine(header).map((name) => name.toLowerCase().replace('-', '_'))
  const missing = COLUMNS.filter((name) => !names.includes(name))
  if (missing.length > 0)
    return refuse([`line 1: found no column ${missing.join(', ')}, allowed: ${COLUMNS.join(',')}`])
  if (lines.length > LINES_MAX) return refuse([`found ${lines.length} lines, allowed: ${LINES_MAX} at most`])

  const problems: string[] = []
  const rates = new Map<string, Rate[]>()
  const lineOf = new Map<string, number>()
  let currency: string | null = null
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue
    const number = index + 2
    const cells = splitLine(line)
    const fields = Object.fromEntries(names.map((name, place) => [name, cells[place] ?? '']))
    const parsed = row.safeParse(fields)
    if (!parsed.success) {
      problems.push(...parsed.error.issues.map((issue) => describe(number, issue, fields)))
      continue
    }
    const { country, category, price, valid_from: validFrom } = parsed.data
    currency ??= parsed.data.currency
    if (parsed.data.currency !== currency)
      problems.push(
        `line ${number}, currency: found "${parsed.data.currency}", allowed: ${currency}, as in the lines before`,
      )
    const key = [country, category, validFrom].join(' ')
    const before = lineOf.get(key)
    if (before !== undefined)
      problems.push(
        `line ${number}: found a second price of ${country}, ${category}, ${fields['valid_from']}, allowed: one (line ${before})`,
      )
    lineOf.set(key, number)
    const same = rates.get(rateKey(country, category)) ?? []
    same.push({ micros: price, validFrom })
    rates.set(
      rateKey(country, category),
      same.toSorted((left, right) => right.validFrom - left.validFrom),
    )
  }
  if (currency === null && problems.length === 0) problems.push('found no price, allowed: one line for each')
  return problems.length > 0 || currency === null ? refuse(problems) : { kind: 'read', value: { currency, rates } }
}

/**
 * What one message costs, in millionths of the card's currency; `null`: the card does not say.
 *
 * @param country ISO 3166. @param at when, ms since 1970.
 */
export function priceOf(card: RateCard, country: string, category: string, at: number): bigint | null {
  const code = callingCodeOfCountry(country)
  for (const name of [country, code === null ? null : String(code), '*']) {
    const rates = name === null ? undefined : card.rates.get(rateKey(name, category))
    const valid = rates?.find((rate) => rate.validFrom <= at)
    if (valid !== undefined) return valid.micros
  }
  return null
}

/** @param country ISO code, calling code in digits, or `*`. */
function rateKey(country: string, category: string): string {
  return `${country} ${category}`
}

function refuse(problems: readonly string[]): RateCardReading {
  const shown = problems.slice(0, PROBLEMS_MAX)
  const more = problems.length - shown.length
  return { kind: 'refused', problems: more > 0 ? [...shown, `and ${more} more`] : shown }
}

function describe(line: number, issue: z.core.$ZodIssue, fields: Readonly<Record<string, string>>): string {
  const column = String(issue.path[0])
  return `line ${line}, ${column}: found ${JSON.stringify((fields[column] ?? '').slice(0, 60))}, allowed: ${issue.message}`
}

/** Cells of one line, trimmed; quotes around a cell are taken off. None of ours holds a comma. */
function splitLine(line: string): string[] {
  return line.split(',').map((cell) =>
    cell
      .trim()
      .replace(/^"(.*)"$/, '$1')
      .trim(),
  )
}

/** Decimal text as millionths, exactly. */
function microsOf(text: string): bigint {
  const [whole = '0', decimals = ''] = text.split('.')
  return BigInt(whole) * 1_000_000n + BigInt(decimals.padEnd(6, '0'))
}

function isDay(text: string): boolean {
  const at = Date.parse(text)
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)
}
