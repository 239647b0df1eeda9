// The sample input: a list as a marketing team exports it from a spreadsheet, with all that is wrong with such lists.
//
// It knows what it wrote and shares no code with the apps, so its counts can be held against theirs.

import { COUNTRIES, nationalNumber, type Country } from './countries.ts'
import { seeded, type Random } from './random.ts'
import { spell, spellAgain } from './spelling.ts'

/** What a file holds; complete once its last piece was taken. */
export interface SampleTruth {
  /** Without the header. */
  rows: number
  /** Different people with a number that can be written to. */
  recipients: number
  /** People who are on the list again, in another spelling. */
  duplicates: number
  /** Rows that must be refused, by the producer's name for the reason. */
  refused: Record<string, number>
}

export interface Sample {
  readonly truth: SampleTruth
  /** The file in pieces of a few kilobytes; can be gone through once. */
  readonly pieces: Iterable<string>
}

export const SAMPLE_SEED = 20_261_127
const HEADER = ['ref', 'first_name', 'to', 'city', 'coupon', 'note']
const DUPLICATE_SHARE = 0.02
const REFUSED_SHARE = 0.015
/** How far back somebody may be who is on the list again. */
const REMEMBERED = 2_000
const ROWS_PER_PIECE = 200

/** A CSV (UTF-8 with a byte order mark, CRLF) of that many recipients, plus duplicates and rows that must be refused. */
export function sampleRecipients({ recipients, seed = SAMPLE_SEED }: { recipients: number; seed?: number }): Sample {
  const truth: SampleTruth = { rows: 0, recipients: 0, duplicates: 0, refused: {} }
  return { truth, pieces: pieces(rows(recipients, seeded(seed), truth)) }
}

function* pieces(lines: Iterable<string>): Generator<string> {
  let piece = `\ufeff${HEADER.join(',')}\r\n`
  let count = 0
  for (const line of lines) {
    piece += `${line}\r\n`
    if (++count % ROWS_PER_PIECE !== 0) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

interface Person {
  readonly country: Country
  readonly national: string
  readonly spelling: string
}

function* rows(recipients: number, random: Random, truth: SampleTruth): Generator<string> {
  const counts = new Map<Country, number>()
  const offset = random.below(1_000_000)
  const remembered: Person[] = []
  for (let n = 0; n < recipients; n++) {
    const country = drawCountry(random)
    const serial = counts.get(country) ?? 0
    counts.set(country, serial + 1)
    const national = nationalNumber(country, serial, offset)
    const person = { country, national, spelling: spell(country, national, random) }
    remembered[n % REMEMBERED] = person
    truth.rows++
    truth.recipients++
    yield row(country, person.spelling, n, random)
    if (random.next() < DUPLICATE_SHARE) {
      const { country: home, national: number, spelling } = remembered[random.below(remembered.length)] ?? person
      truth.rows++
      truth.duplicates++
      yield row(home, spellAgain(home, number, spelling, random), n, random)
    }
    if (random.next() < REFUSED_SHARE) {
      const { reason, line } = random.pick(REFUSED)
      truth.rows++
      truth.refused[reason] = (truth.refused[reason] ?? 0) + 1
      yield line(row(country, 'NUMBER', n, random))
    }
  }
}

function drawCountry(random: Random): Country {
  let left = random.next() * COUNTRIES.reduce((sum, { weight }) => sum + weight, 0)
  return COUNTRIES.find(({ weight }) => (left -= weight) < 0) ?? COUNTRIES[0]
}

const NOTES: readonly [string, ...string[]] = [
  '',
  '',
  '',
  '',
  'VIP',
  'opted in, store 12',
  'said "call me"',
  'two lines:\nsecond line',
  '=SUM(A1)',
  'café ☕, 10%',
]

function row(country: Country, number: string, n: number, random: Random): string {
  const coupon = random
    .below(36 ** 6)
    .toString(36)
    .toUpperCase()
    .padStart(6, '0')
  return [
    `CRM-${100_000 + n}`,
    random.pick(country.names),
    number,
    random.pick(country.cities),
    coupon,
    random.pick(NOTES),
  ]
    .map(field)
    .join(',')
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

interface Refused {
  /** As the producer's API names it. */
  readonly reason: string
  /** Spoils a good row, whose number is written NUMBER. */
  readonly line: (good: string) => string
}

const numbered = (reason: string, number: string): Refused => ({
  reason,
  line: (good) => good.replace('NUMBER', number),
})

const REFUSED: readonly [Refused, ...Refused[]] = [
  numbered('too_short', '+55 11 9123'),
  numbered('too_long', '+55 11 91234-5678-99'),
  numbered('letters', '+55 11 9CALL-NOW'),
  numbered('empty', ''),
  numbered('no_country_code', '011 91234-5678'),
  numbered('spreadsheet_number', '5.51191E+12'),
  numbered('unknown_country_code', '+999 123 456 789'),
  numbered('united_states', '+1 212 253 1268'),
  {
    reason: 'missing_value',
    line: (good) => good.replace(/^([^,]*),("(?:[^"]|"")*"|[^,]*),NUMBER/, '$1,,+5511987654321'),
  },
  { reason: 'field_count', line: () => 'CRM-0,Ana,+5511987654321' },
]
