import { describe, expect, test } from 'vitest'
import { ratePerSecond, ratios, summarize } from './statistics.ts'

describe('summarize', () => {
  test('takes the middle of an odd number of runs, whatever their order', () => {
    expect(summarize([9, 1, 5])).toEqual({ median: 5, min: 1, max: 9 })
  })

  test('takes the mean of the middle two of an even number', () => {
    expect(summarize([4, 1, 2, 100])).toEqual({ median: 3, min: 1, max: 100 })
  })

  test('sorts by size, not by spelling', () => {
    expect(summarize([100, 20, 3]).median).toBe(20)
  })

  test('refuses to say something about nothing', () => {
    expect(() => summarize([])).toThrow(RangeError)
  })
})

describe('ratios', () => {
  test('compares what ran in the same round', () => {
    expect(ratios([10, 30], [5, 10])).toEqual([2, 3])
  })

  test('refuses rounds that do not pair', () => {
    expect(() => ratios([1], [1, 2])).toThrow('1 runs against 2')
  })
})

describe('ratePerSecond', () => {
  test('counts what happened between the readings only', () => {
    expect(ratePerSecond({ atMs: 1_000, count: 500 }, { atMs: 3_000, count: 2_500 })).toBe(1_000)
  })

  test('refuses readings without time between them', () => {
    expect(() => ratePerSecond({ atMs: 5, count: 0 }, { atMs: 5, count: 1 })).toThrow(RangeError)
  })
})
