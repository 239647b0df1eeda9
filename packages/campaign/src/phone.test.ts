import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { callingCodeOf } from './calling-codes.ts'
import { personKey } from './person.ts'
import { readPhone, scanPhone, scanPlainPhone } from './phone.ts'
import { reachWarning } from './reach.ts'

/** The number read from a text, or the reason why none was. */
function read(text: string): number | string {
  const phone = readPhone(text)
  return phone.kind === 'phone' ? phone.to : phone.reason
}

describe('a telephone number is read as people write it', () => {
  test.each([
    ['+55 11 91234-5678', 5511912345678],
    ['005511912345678', 5511912345678],
    ['0055 (11) 91234.5678', 5511912345678],
    ['5511912345678', 5511912345678],
    ['  +55/11/912345678 ', 5511912345678],
    ["'+5511912345678", 5511912345678],
    ['\u202a+55\u00a011\u00a091234\u20115678\u202c', 5511912345678],
    ['+55 11 912345678', 5511912345678],
    ['+٥٥١١٩١٢٣٤٥٦٧٨', 5511912345678],
    ['+44 (0)20 7946 0958', 442079460958],
    ['+44 020 7946 0958', 442079460958],
    ['+39 06 6982 1234', 390669821234],
    ['+225 07 12 34 56 78', 2250712345678],
    ['+1 (650) 555-1234', 16505551234],
    ['+52 1 55 1234 5678', 5215512345678],
    ['+54 9 11 2345-6789', 5491123456789],
    ['+49 151 23456789', 4915123456789],
    ['+290 23456', 29023456],
  ])('%s', (text, to) => expect(read(text)).toBe(to))

  test.each([
    ['', 'empty'],
    [' - ', 'empty'],
    ['n/a', 'letters'],
    ['+55 11 91234-567B', 'letters'],
    ['call me', 'letters'],
    ['5.51191E+12', 'spreadsheet_number'],
    ['5,51191E+12', 'spreadsheet_number'],
    ['+55 11 91234-5678; +55 11 91234-5679', 'bad_character'],
    ['+55+11912345678', 'bad_character'],
    ['011 91234-5678', 'no_country_code'],
    ['+055 11 91234-5678', 'unknown_country_code'],
    ['+999 123 456 789', 'unknown_country_code'],
    ['+55 91234-5678', 'too_short'],
    ['+55', 'too_short'],
    ['123', 'too_short'],
    ['0', 'too_short'],
    ['+55 11 91234-567899', 'too_long'],
    ['55119123456785511912345678', 'too_long'],
    ['+30 210 123 4567 8', 'too_long'],
    ['+57 1 2345 6789', 'wrong_length'],
    ['11 91234-5678', 'impossible_number'],
    ['+55 11 31234-5678', 'impossible_number'],
    ['+52 55 12345 6789', 'impossible_number'],
  ])('%j is refused: %s', (text, reason) => expect(read(text)).toBe(reason))
})

test('whatever is read is an E.164 number of a known country, and reads as itself', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789+-() .'.split('')), maxLength: 22 }), (text) => {
      const to = scanPhone(text)
      if (to <= 0) return
      expect(to).toBeLessThan(1e15)
      expect(callingCodeOf(Number(String(to).slice(0, 3)))).toBeDefined()
      expect(scanPhone(`+${to}`)).toBe(to)
      expect(scanPhone(`00${to}`)).toBe(to)
    }),
    { numRuns: 5_000 },
  )
})

test('no text makes the reader throw or read digits that are not in it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      expect(Number.isSafeInteger(scanPhone(text))).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

describe('two spellings, one person', () => {
  test.each([
    ['Brazil with and without the ninth digit', '+55 11 91234-5678', '+55 11 1234-5678'],
    ['an old Brazilian mobile', '+55 31 98765-4321', '+55 31 8765-4321'],
    ['Mexico with and without the 1', '+52 1 55 1234 5678', '+52 55 1234 5678'],
    ['Argentina with and without the 9', '+54 9 11 2345 6789', '+54 11 2345 6789'],
  ])('%s', (_name, one, other) => expect(personKey(Number(read(one)))).toBe(personKey(Number(read(other)))))

  test('a Brazilian mobile is not the landline it would be without its 9', () => {
    expect(personKey(5511931234567)).not.toBe(personKey(551131234567))
  })

  test('the key of a key is itself, and other countries keep theirs', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_000_000, max: 999_999_999_999_999 }), (to) => {
        const key = personKey(to)
        expect(personKey(key)).toBe(key)
        const country = String(to).slice(0, 2)
        if (!['52', '54', '55'].includes(country)) expect(key).toBe(to)
        expect(String(key).slice(0, 2)).toBe(country)
      }),
      { numRuns: 2_000 },
    )
  })
})

test('numbers that marketing messages never reach are known', () => {
  expect(reachWarning(16505551234)).toBe('us_number')
  expect(reachWarning(14165551234)).toBeNull()
  expect(reachWarning(18765551234)).toBeNull()
  expect(reachWarning(5351234567)).toBe('country_not_eligible')
  expect(reachWarning(584121234567)).toBe('country_not_eligible')
  expect(reachWarning(989121234567)).toBe('country_not_eligible')
  expect(reachWarning(5511912345678)).toBeNull()
  expect(reachWarning(447911123456)).toBeNull()
})

test('bytes are read as text is, or not at all', () => {
  const plain = fc.stringMatching(/^\+?[0-9]{1,17}$/)
  const spaced = fc.stringMatching(/^\+?(00)?[1-9][0-9 .-]{5,20}$/)
  const written = fc.oneof(plain, spaced, fc.stringMatching(/^[+0-9 .()/'e-]{0,20}$/))
  fc.assert(
    fc.property(written, (text) => {
      const bytes = new TextEncoder().encode(`1${text}2`)
      expect([null, scanPhone(text)]).toContain(scanPlainPhone(bytes, 1, bytes.length - 1))
    }),
    { numRuns: 2_000 },
  )
})

test('nearly all numbers are read from bytes', () => {
  for (const text of ['+5511912345678', '5511912345678', '+55 11 91234-5678', '+1 650.555.1234', '+49 151 23456789'])
    expect(scanPlainPhone(new TextEncoder().encode(text), 0, text.length)).toBe(scanPhone(text))
})
