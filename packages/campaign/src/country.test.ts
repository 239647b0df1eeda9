import { expect, test } from 'vitest'

import { callingCodeOf } from './calling-codes.ts'
import { callingCodeOfCountry, countryOf } from './country.ts'
import { reachWarning } from './reach.ts'

test.each([
  [5_511_987_654_321, 'BR'],
  [919_876_543_210, 'IN'],
  [447_911_123_456, 'GB'],
  [16_505_551_234, 'US'],
  [14_165_551_234, 'CA'],
  [18_765_551_234, 'JM'],
  [17_875_551_234, 'PR'],
  [79_161_234_567, 'RU'],
  [77_011_234_567, 'KZ'],
  [351_912_345_678, 'PT'],
  [971_501_234_567, 'AE'],
  [97_612_345_678, 'MN'],
])('%i is of %s', (to, country) => {
  expect(countryOf(String(to))).toBe(country)
})

test('satellite numbers and what is no number have no country', () => {
  for (const to of [870_123_456_789, 881_612_345_678, 0, 12, 999_999_999_999]) expect(countryOf(String(to))).toBeNull()
})

test('every calling code that recipients may have is of a country, but for the satellites', () => {
  const without = new Set<number>()
  for (let prefix = 100; prefix < 1_000; prefix++) {
    const code = callingCodeOf(prefix)?.code
    if (code === undefined) continue
    const country = countryOf(`${prefix}00000000`)
    if (country === null) without.add(code)
    else expect([prefix, callingCodeOfCountry(country)]).toEqual([prefix, code])
  }
  expect([...without]).toEqual([870, 881, 882, 883])
})

test('what is warned of as a number of the United States is one by its country, territories aside', () => {
  for (let area = 200; area < 1_000; area++) {
    const to = 10_000_000_000 + area * 10_000_000 + 5_551_234
    const us = ['US', 'PR', 'GU', 'VI', 'AS', 'MP'].includes(countryOf(String(to)) ?? '')
    expect([area, us]).toEqual([area, reachWarning(to) === 'us_number'])
  }
})
