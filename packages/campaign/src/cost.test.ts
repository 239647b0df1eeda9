import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { costOf } from './cost.ts'
import { priceOf, readRateCard } from './rate-card.ts'
import type { RateCard } from './rate-card.ts'

const HEADER = 'country,category,price,currency,valid_from'
const NOW = Date.parse('2026-11-21T00:00:00Z')

function cardOf(...lines: readonly string[]): RateCard {
  const reading = readRateCard([HEADER, ...lines].join('\n'))
  if (reading.kind !== 'read') throw new Error(reading.problems.join('\n'))
  return reading.value
}

function problemsOf(...lines: readonly string[]): readonly string[] {
  const reading = readRateCard(lines.join('\n'))
  return reading.kind === 'read' ? [] : reading.problems
}

describe('a price', () => {
  const card = cardOf(
    'BR,marketing_lite,0.0625,USD,2026-07-01',
    'BR,marketing_lite,0.07,usd,2026-10-01',
    'BR,marketing_lite,9,USD,2027-01-01',
    '+1,marketing_lite,0.025,USD,2026-07-01',
    'JM,marketing_lite,0.074,USD,2026-07-01',
    '*,marketing_lite,0.0604,USD,2026-07-01',
    'BR,Authentication-International,0.03,USD,2026-07-01',
  )
  const at = (country: string, day: string, category = 'marketing_lite'): bigint | null =>
    priceOf(card, country, category, Date.parse(day))

  test('is the latest that holds by then', () => {
    expect(at('BR', '2026-09-30')).toBe(62_500n)
    expect(at('BR', '2026-10-01')).toBe(70_000n)
    expect(at('BR', '2026-06-30')).toBeNull()
  })

  test('of a country by its own name comes before that of its calling code, and that before all others', () => {
    expect(at('JM', '2026-11-01')).toBe(74_000n)
    expect(at('CA', '2026-11-01')).toBe(25_000n)
    expect(at('DE', '2026-11-01')).toBe(60_400n)
    expect(at('ZZ', '2026-11-01')).toBe(60_400n)
  })

  test('of another category is none', () => {
    expect(at('BR', '2026-11-01', 'marketing')).toBeNull()
    expect(at('BR', '2026-11-01', 'authentication_international')).toBe(30_000n)
  })
})

describe('a rate card that is wrong', () => {
  test.each([
    ['country', 'Brasil,marketing,0.1,USD,2026-01-01', 'line 2, country: found "Brasil", allowed: an ISO 3166 code'],
    ['country', 'XX,marketing,0.1,USD,2026-01-01', 'line 2, country: found "XX"'],
    ['category', 'BR,promotion,0.1,USD,2026-01-01', 'line 2, category: found "promotion", allowed: marketing_lite'],
    ['price', 'BR,marketing,0.1234567,USD,2026-01-01', 'line 2, price: found "0.1234567", allowed: a price'],
    ['price', 'BR,marketing,-1,USD,2026-01-01', 'line 2, price: found "-1"'],
    ['price', 'BR,marketing,,USD,2026-01-01', 'line 2, price: found ""'],
    ['currency', 'BR,marketing,1,dollars,2026-01-01', 'line 2, currency: found "dollars"'],
    ['date', 'BR,marketing,1,USD,2026-02-30', 'line 2, valid_from: found "2026-02-30"'],
    ['date', 'BR,marketing,1,USD,1 July', 'line 2, valid_from: found "1 July"'],
  ])('%s: %s', (_what, line, problem) => {
    expect(problemsOf(HEADER, line)).toEqual([expect.stringContaining(problem)])
  })

  test('names every mistake, a second price and a second currency, and at most twenty', () => {
    expect(
      problemsOf(
        HEADER,
        'BR,marketing,1,USD,2026-01-01',
        '',
        'BR,marketing,2,USD,2026-01-01',
        'IN,marketing,1,INR,2026-01-01',
      ),
    ).toEqual([
      expect.stringContaining('line 4: found a second price of BR, marketing, 2026-01-01, allowed: one (line 2)'),
      expect.stringContaining('line 5, currency: found "INR", allowed: USD'),
    ])
    const many = Array.from({ length: 30 }, () => 'BR,marketing,x,USD,2026-01-01')
    expect(problemsOf(HEADER, ...many)).toHaveLength(21)
  })

  test('has no column, or no price at all', () => {
    expect(problemsOf('country,price', 'BR,1')[0]).toContain('line 1: found no column category, currency, valid_from')
    expect(problemsOf(HEADER)[0]).toContain('found no price')
  })

  test('but quotes, a byte order mark, Windows line ends and other columns are well', () => {
    const reading = readRateCard(
      '\uFEFF"Price",category,country,currency,valid-from,note\r\n"1.5",marketing,br,USD,2026-01-01,old\r\n',
    )
    expect(reading).toEqual({
      kind: 'read',
      value: {
        currency: 'USD',
        rates: new Map([['BR marketing', [{ micros: 1_500_000n, validFrom: Date.parse('2026-01-01') }]]]),
      },
    })
  })
})

describe('a cost', () => {
  const billed = [
    { kind: 'marketing_lite', country: 'BR', messages: 3 },
    { kind: 'marketing_lite', country: 'IN', messages: 1_000_000_007 },
    { kind: 'marketing', country: 'BR', messages: 5 },
    { kind: 'free', country: 'BR', messages: 2 },
  ]
  const card = cardOf('BR,marketing_lite,0.1,EUR,2026-01-01', 'IN,marketing_lite,0.000001,EUR,2026-01-01')

  test('is exact, and names what has no price', () => {
    expect(costOf(card, billed, 1_000_000_030, NOW)).toEqual({
      currency: 'EUR',
      amount: '1000.300007',
      billable: 1_000_000_015,
      unpriced: 5,
      free: 2,
      untold: 13,
      items: [
        {
          category: 'marketing_lite',
          country: 'IN',
          messages: 1_000_000_007,
          price: '0.000001',
          amount: '1000.000007',
        },
        { category: 'marketing', country: 'BR', messages: 5, price: null, amount: null },
        { category: 'marketing_lite', country: 'BR', messages: 3, price: '0.10', amount: '0.30' },
      ],
    })
  })

  test('without a card is not invented', () => {
    expect(costOf(null, billed, 1_000_000_017, NOW)).toMatchObject({
      currency: null,
      amount: null,
      billable: 1_000_000_015,
      unpriced: 1_000_000_015,
    })
  })

  test('is the sum of its items, whatever the prices', () => {
    const micros = (text: string | null): bigint => {
      const [whole = '', decimals = ''] = (text ?? '0.').split('.')
      return BigInt(whole) * 1_000_000n + BigInt(decimals.padEnd(6, '0'))
    }
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('BR', 'IN', 'DE'), fc.nat(10_000_000)), { maxLength: 6 }),
        fc.nat(9_999_999),
        (pairs, price) => {
          const text = `${Math.floor(price / 1_000_000)}.${String(price % 1_000_000).padStart(6, '0')}`
          const one = cardOf(`*,marketing,${text},USD,2026-01-01`)
          const all = pairs.map(([country, messages]) => ({ kind: 'marketing', country, messages }))
          const { amount, items } = costOf(one, all, 0, NOW)
          const messages = pairs.reduce((sum, [, count]) => sum + count, 0)
          expect(micros(amount)).toBe(BigInt(price) * BigInt(messages))
          expect(items.reduce((sum, item) => sum + micros(item.amount), 0n)).toBe(micros(amount))
        },
      ),
    )
  })
})
