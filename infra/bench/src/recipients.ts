import { below, type Random, seededRandom } from './random.ts'

/** A recipient as the bench makes them: a number and three columns, none of which compresses well. */
export type BenchRecipient = {
  /** E.164 with '+'. */
  readonly to: string
  readonly firstName: string
  readonly code: string
  readonly amount: string
}

/** The columns every benchmark recipient has, in the order of the CSV. */
export const COLUMNS = ['first_name', 'code', 'amount'] as const

/** How mobile numbers of a country look: fixed beginnings, then random digits. */
type NumberPlan = { readonly beginnings: readonly string[]; readonly digits: number }

/** Mobile ranges of a dozen large countries (ITU national numbering plans). `digits` follow the beginning. */
const PLANS: readonly NumberPlan[] = [
  { beginnings: ['+55119', '+55219', '+55319', '+55419', '+55719', '+55819', '+55619'], digits: 8 },
  { beginnings: ['+916', '+917', '+918', '+919'], digits: 9 },
  { beginnings: ['+5255', '+5233', '+5281', '+5256'], digits: 8 },
  { beginnings: ['+62811', '+62812', '+62813', '+62821', '+62857'], digits: 8 },
  { beginnings: ['+4474', '+4475', '+4477', '+4478', '+4479'], digits: 8 },
  { beginnings: ['+346'], digits: 8 },
  { beginnings: ['+336', '+337'], digits: 8 },
  { beginnings: ['+2771', '+2772', '+2782', '+2783'], digits: 7 },
  { beginnings: ['+234803', '+234806', '+234810', '+234703'], digits: 7 },
  { beginnings: ['+2010', '+2011', '+2012', '+2015'], digits: 8 },
  { beginnings: ['+9053', '+9054', '+9055'], digits: 8 },
  { beginnings: ['+5730', '+5731', '+5732'], digits: 8 },
]

const STARTS = 'B C D F G H J K L M N P R S T V Y Z Ch Sh Br Tr Kl Gr'.split(' ')
const VOWELS = 'a e i o u ai ia eo au é ã'.split(' ')
const ENDS = ['', '', '', 'n', 'r', 's', 'l', 'm', 'k', 'th', 'nd']
const CODE_LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'

export function randomRecipient(random: Random): BenchRecipient {
  return { to: phone(random), firstName: firstName(random), code: code(random), amount: amount(random) }
}

function phone(random: Random): string {
  const plan = pick(random, PLANS)
  const digits = below(random, 10 ** plan.digits)
  return pick(random, plan.beginnings) + String(digits).padStart(plan.digits, '0')
}

/** Two to four syllables: some 10^8 names, so that no dictionary of names forms in a chunk. */
function firstName(random: Random): string {
  const syllables = 2 + below(random, 3)
  let name = pick(random, STARTS) + pick(random, VOWELS)
  for (let syllable = 1; syllable < syllables; syllable++)
    name += pick(random, STARTS).toLowerCase() + pick(random, VOWELS)
  return name + pick(random, ENDS)
}

function code(random: Random): string {
  let text = ''
  for (let letter = 0; letter < 8; letter++) text += CODE_LETTERS[below(random, CODE_LETTERS.length)]
  return text
}

function amount(random: Random): string {
  return `${1 + below(random, 9_999)}.${String(below(random, 100)).padStart(2, '0')}`
}

function pick<T>(random: Random, list: readonly T[]): T {
  const item = list[below(random, list.length)]
  if (item === undefined) throw new RangeError('nothing to pick from')
  return item
}

export type CsvOptions = {
  readonly recipients: number
  readonly seed: number
  /** About how large each piece is. */
  readonly pieceBytes?: number
}

/** A CSV file with a header row, in pieces, made while it is read: two million recipients need no memory here. */
export function* csvPieces({ recipients, seed, pieceBytes = 65_536 }: CsvOptions): Generator<Buffer> {
  const random = seededRandom(seed)
  let text = `to,${COLUMNS.join(',')}\n`
  for (let made = 0; made < recipients; made++) {
    const { to, firstName: name, code: voucher, amount: price } = randomRecipient(random)
    text += `${to},${name},${voucher},${price}\n`
    if (text.length >= pieceBytes) {
      yield Buffer.from(text)
      text = ''
    }
  }
  if (text !== '') yield Buffer.from(text)
}
