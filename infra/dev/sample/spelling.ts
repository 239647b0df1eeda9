import type { Country } from './countries.ts'
import type { Random } from './random.ts'

/** A number as one of the people who filled the list wrote it. */
export function spell(country: Country, national: string, random: Random): string {
  const { code } = country
  const groups = grouped(national, country.groups)
  const ways: readonly [() => string, ...(() => string)[]] = [
    () => `+${code}${national}`,
    () => `+${code} ${groups.slice(0, -1).join(' ')}-${groups.at(-1)}`,
    () => `00${code}${national}`,
    () => `00${code} ${groups.join(' ')}`,
    () => `+${code} (${groups[0]}) ${groups.slice(1).join('-')}`,
    () => `${code}${national}`,
    () => `+${code}.${groups.join('.')}`,
    // A no-break space, as word processors put it.
    () => `+${code}\u00a0${groups.join('\u00a0')}`,
    // What keeps a spreadsheet from making it 5.5E+12.
    () => `'+${code}${national}`,
    () => ` +${code} ${national} `,
    ...(country.numerals === undefined
      ? []
      : [() => withNumerals(`+${code} ${groups.join(' ')}`, country.numerals ?? '')]),
  ]
  return random.pick(ways)()
}

/** The same person's number again, written differently than `first` was. */
export function spellAgain(country: Country, national: string, first: string, random: Random): string {
  if (country.otherForm !== undefined && random.next() < 0.5) return `+${country.otherForm(national)}`
  for (;;) {
    const again = spell(country, national, random)
    if (again !== first) return again
  }
}

function grouped(national: string, lengths: readonly number[]): string[] {
  const groups: string[] = []
  let at = 0
  for (const length of lengths) {
    groups.push(national.slice(at, at + length))
    at += length
  }
  const rest = national.slice(at)
  return rest === '' ? groups : [...groups.slice(0, -1), (groups.at(-1) ?? '') + rest]
}

function withNumerals(text: string, numerals: string): string {
  const digits = Array.from(numerals)
  return text.replace(/\d/g, (digit) => digits[Number(digit)] ?? digit)
}
