import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DRAW, lognormal, lotOf, pick } from './chance.ts'

const PHONES = Array.from({ length: 20_000 }, (_, i) => 5_511_900_000_000 + i)

function shareBelow(limit: number, lots: readonly number[]): number {
  return lots.filter((lot) => lot < limit).length / lots.length
}

test('a draw depends on nothing but its arguments', () => {
  fc.assert(
    fc.property(fc.nat(), fc.maxSafeNat(), fc.nat(15), fc.nat(64), fc.nat(64), (seed, phone, attempt, draw, other) => {
      const lot = lotOf(seed, phone, attempt)
      const before = lot(draw)
      lot(other)
      return lot(draw) === before && lotOf(seed, phone, attempt)(draw) === before && before >= 0 && before < 1
    }),
  )
})

test('the fate of a recipient is the same in every release', () => {
  // Pinned: a changed hash would silently change every seeded run that somebody wrote down.
  const lot = lotOf(1, 5_511_912_345_678, 0)
  expect([lot(DRAW.rejected), lot(DRAW.read)].map((value) => value.toFixed(6))).toMatchInlineSnapshot(`
    [
      "0.575987",
      "0.987976",
    ]
  `)
})

test('neighbouring numbers, seeds, attempts and draws are unrelated', () => {
  const series = [
    PHONES.map((phone) => lotOf(1, phone, 0)(DRAW.read)),
    PHONES.map((_, seed) => lotOf(seed, 5_511_900_000_000, 0)(DRAW.read)),
    PHONES.map((_, attempt) => lotOf(1, 5_511_900_000_000, attempt)(DRAW.lost)),
    PHONES.map((_, draw) => lotOf(1, 5_511_900_000_000, 0)(draw)),
    // Numbers above 32 bits that differ only in their high half.
    PHONES.map((_, i) => lotOf(1, 12_345 + i * 2 ** 32, 0)(DRAW.read)),
  ]
  for (const lots of series) {
    expect(shareBelow(0.4, lots)).toBeCloseTo(0.4, 1)
    expect(shareBelow(0.02, lots)).toBeCloseTo(0.02, 2)
  }
})

test('a pick gives every alternative its share', () => {
  expect([0, 0.33, 0.34, 0.9999].map((lot) => pick(['a', 'b', 'b'], lot))).toEqual(['a', 'a', 'b', 'b'])
  expect(() => pick([], 0.5)).toThrow(RangeError)
})

test('latencies meet their median and 95th percentile', () => {
  const drawn = PHONES.map((phone) => lotOf(7, phone, 0)).map((lot) =>
    lognormal(40, 120, lot(DRAW.latency), lot(DRAW.latency + 1)),
  )
  drawn.sort((a, b) => a - b)
  expect(drawn[drawn.length * 0.5]).toBeGreaterThan(38)
  expect(drawn[drawn.length * 0.5]).toBeLessThan(42)
  expect(drawn[drawn.length * 0.95]).toBeGreaterThan(112)
  expect(drawn[drawn.length * 0.95]).toBeLessThan(128)
  expect(lognormal(0, 100, 0.5, 0.5)).toBe(0)
})
