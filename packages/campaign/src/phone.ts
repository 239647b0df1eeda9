import { callingCodeOf } from './calling-codes.ts'
import type { CallingCode } from './calling-codes.ts'

/** Why a text is not a telephone number we could send to. Append only: the codes are counted in reports. */
export const PHONE_REASONS = [
  /** Nothing that is a digit. */
  'empty',
  'letters',
  /** `5.51191E+12`: a spreadsheet kept only some of the digits. */
  'spreadsheet_number',
  'bad_character',
  /** Begins with a single 0: a number as dialled inside its country. */
  'no_country_code',
  'unknown_country_code',
  'too_short',
  'too_long',
  /** Between the shortest and the longest of its country, but no number there is of this length. */
  'wrong_length',
  /** The right length, but its country assigns no such numbers. */
  'impossible_number',
] as const

export type PhoneReason = (typeof PHONE_REASONS)[number]

export type Phone =
  | { readonly kind: 'phone'; /** E.164 without '+', at most 15 digits: exact as a number. */ readonly to: number }
  | { readonly kind: 'refused'; readonly reason: PhoneReason }

/** E.164 allows 15 digits; with `00` before them 17 can be meant. */
const DIGITS_MAX = 17
/** Exact as a number. */
const PLAIN_DIGITS_MAX = 15

/**
 * Read a telephone number as people write it: `+55 11 91234-5678`, `0055…`, `(…)`, dots, any script's digits. The number
 * must carry its country code; a trunk zero after it (`+44 (0)20 …`) is left out.
 */
export function readPhone(text: string): Phone {
  const result = scanPhone(text)
  if (result > 0) return { kind: 'phone', to: result }
  return { kind: 'refused', reason: phoneReason(result) }
}

/** The reason behind a result of `scanPhone` that is not a number. */
export function phoneReason(result: number): PhoneReason {
  return PHONE_REASONS[-result] ?? 'empty'
}

/**
 * `readPhone` without an object for each of millions of numbers: the E.164 number, or minus the index of the reason in
 * `PHONE_REASONS` (so 0 is `empty`).
 */
export function scanPhone(text: string): number {
  let value = 0
  let digits = 0
  let zeros = 0
  let plus = false
  const end = text.length
  for (let at = 0; at < end; at++) {
    const char = text.charCodeAt(at)
    const digit = char >= 0x30 && char <= 0x39 ? char - 0x30 : foreignDigit(char)
    if (digit >= 0) {
      if (++digits > DIGITS_MAX) return refuse('too_long')
      value = value * 10 + digit
      if (value === 0) zeros++
    } else if (char === 0x28 && digits > 0 && text.charCodeAt(at + 1) === 0x30 && text.charCodeAt(at + 2) === 0x29) {
      at += 2
    } else if (char === 0x2b || char === 0xff0b) {
      if (plus || digits > 0) return refuse('bad_character')
      plus = true
    } else if (!isSeparator(char, digits)) {
      return refuse(wrongCharacter(text, at, digits))
    }
  }
  if (digits === 0) return refuse('empty')
  // `00` is the international prefix; a single zero is the trunk prefix of a number written for its own country.
  if (zeros === 1 || zeros > 2 || zeros === digits)
    return refuse(digits === zeros ? 'too_short' : plus ? 'unknown_country_code' : 'no_country_code')
  return fitPlan(value, digits - zeros)
}

/**
 * The same of bytes, for numbers as nearly all are written: digits, with a plus before and spaces, hyphens and dots among
 * them. `null` for any other, which is for `scanPhone` to read.
 */
export function scanPlainPhone(bytes: Uint8Array, from: number, end: number): number | null {
  let value = 0
  let digits = 0
  for (let at = bytes[from] === 0x2b ? from + 1 : from; at < end; at++) {
    const byte = bytes[at] ?? 0
    if (byte >= 0x30 && byte <= 0x39) {
      value = value * 10 + byte - 0x30
      if (value === 0) return null
      digits++
    } else if (byte !== 0x20 && byte !== 0x2d && byte !== 0x2e) return null
  }
  return digits > 0 && digits <= PLAIN_DIGITS_MAX ? fitPlan(value, digits) : null
}

function refuse(reason: PhoneReason): number {
  return -PHONE_REASONS.indexOf(reason)
}

const POWERS = Array.from({ length: DIGITS_MAX + 1 }, (_, exponent) => 10 ** exponent)

function powerOf10(exponent: number): number {
  return POWERS[exponent] ?? 1
}

/** Hold a number's digits (no leading zeros) against its country's plan. */
function fitPlan(value: number, digits: number): number {
  if (digits < 3) return refuse('too_short')
  const country = callingCodeOf(Math.floor(value / powerOf10(digits - 3)))
  if (country === undefined) return refuse('unknown_country_code')
  const national = digits - country.digits
  const rest = value - country.code * powerOf10(national)
  if (!country.keepsZero && national > 1 && rest < powerOf10(national - 1)) {
    return fitNational(country, rest, national - 1)
  }
  return fitNational(country, rest, national)
}

function fitNational(country: CallingCode, rest: number, national: number): number {
  if ((country.lengths & (1 << national)) === 0) {
    if (national < country.shortest) return refuse('too_short')
    return refuse(national > country.longest ? 'too_long' : 'wrong_length')
  }
  if (!isAssigned(country.code, rest, national)) return refuse('impossible_number')
  return country.code * powerOf10(national) + rest
}

/** Rules beyond length, only where their absence would let another country's local number pass for a real one. */
function isAssigned(code: number, rest: number, national: number): boolean {
  // Area codes and exchanges of +1 begin with 2-9: `11912345678` is a Brazilian number without its 55.
  if (code === 1) return rest >= 2_000_000_000 && rest % 10_000_000 >= 2_000_000
  if (code === 55 && national === 11) return Math.floor(rest / 100_000_000) % 10 === 9
  if (code === 52 && national === 11) return Math.floor(rest / 10_000_000_000) === 1
  if (code === 54 && national === 11) return Math.floor(rest / 10_000_000_000) === 9
  return true
}

/** Full-width, Arabic-Indic, Persian and Devanagari digits: what phones in those scripts copy out. -1 for anything else. */
function foreignDigit(char: number): number {
  if (char < 0x0660) return -1
  if (char <= 0x0669) return char - 0x0660
  if (char >= 0x06f0 && char <= 0x06f9) return char - 0x06f0
  if (char >= 0x0966 && char <= 0x096f) return char - 0x0966
  if (char >= 0xff10 && char <= 0xff19) return char - 0xff10
  return -1
}

function isSeparator(char: number, digits: number): boolean {
  switch (char) {
    case 0x20: // space
    case 0x2d: // -
    case 0x2e: // .
    case 0x2f: // /
    case 0x28: // (
    case 0x29: // )
    case 0x09: // tab
    case 0xa0: // no-break space
    case 0x2212: // minus
    case 0x2060: // word joiner
    case 0xfeff: // byte order mark
      return true
    case 0x27: // ', which spreadsheets and safe exports put before a number
      return digits === 0
    default:
      // Spaces of all widths, hyphens and dashes, and the marks of writing direction that address books copy along.
      return (
        (char >= 0x2000 && char <= 0x2015) || (char >= 0x202a && char <= 0x202f) || (char >= 0x2066 && char <= 0x2069)
      )
  }
}

function wrongCharacter(text: string, at: number, digits: number): PhoneReason {
  const char = text.charCodeAt(at)
  if (digits > 0 && (char | 0x20) === 0x65 && isExponent(text.charCodeAt(at + 1))) return 'spreadsheet_number'
  if (char === 0x2c && /^\s*'?\d[.,]\d+e[+-]?\d+\s*$/i.test(text)) return 'spreadsheet_number'
  const letter = text.slice(at, at + 2)
  return letter.toLowerCase() !== letter.toUpperCase() ? 'letters' : 'bad_character'
}

function isExponent(char: number): boolean {
  return char === 0x2b || char === 0x2d || (char >= 0x30 && char <= 0x39)
}
