import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { bucketOf, bucketsWanted, levelOf, planNumbers, planRuns, splitSource, storagePlaceOf } from './number-plan.ts'

const phone = fc.integer({ min: 1_000_000, max: 999_999_999_999_999 })
const buckets = fc.integer({ min: 1, max: 100_000 })

describe('linear hashing', () => {
  test('every number has a bucket', () => {
    fc.assert(
      fc.property(phone, buckets, (number, count) => {
        const bucket = bucketOf(number, count)
        expect(bucket).toBeGreaterThanOrEqual(0)
        expect(bucket).toBeLessThan(count)
      }),
    )
  })

  test('one bucket more moves numbers only from the bucket that is split, and only to the new one', () => {
    fc.assert(
      fc.property(phone, buckets, (number, count) => {
        const before = bucketOf(number, count)
        const after = bucketOf(number, count + 1)
        if (after !== before) {
          expect(after).toBe(count)
          expect(before).toBe(splitSource(count))
        }
      }),
    )
  })

  test('numbers in a row, as a list sorted by number has them, spread evenly', () => {
    const count = 100
    const loads = Array.from({ length: count }, () => 0)
    for (let number = 5_511_900_000_000; number < 5_511_900_020_000; number++) {
      const bucket = bucketOf(number, count)
      loads[bucket] = (loads[bucket] ?? 0) + 1
    }
    // 64 buckets are split or new (mean 156), 28 are still to be split (mean 312).
    expect(Math.max(...loads)).toBeLessThan(400)
    expect(Math.min(...loads)).toBeGreaterThan(100)
  })

  test('the level is the largest power of two within', () => {
    for (const [count, level] of [
      [1, 1],
      [2, 2],
      [3, 2],
      [4, 4],
      [1023, 512],
      [1024, 1024],
    ] as const)
      expect(levelOf(count)).toBe(level)
  })

  test('a set grows by bounded steps, and begins at any size', () => {
    expect(bucketsWanted(1_000_000, 0)).toBe(5_000)
    expect(bucketsWanted(1_000_000, 10)).toBe(34)
    expect(bucketsWanted(100, 10)).toBe(10)
  })

  test('slots name the bucket of each number', () => {
    fc.assert(
      fc.property(fc.array(phone, { maxLength: 50 }), buckets, (numbers, count) => {
        const plan = planNumbers(numbers, count)
        for (const [index, number] of numbers.entries()) {
          expect(plan.buckets[plan.slots.readUInt16BE(index * 2) - 1]).toBe(bucketOf(number, count))
        }
        expect(new Set(plan.buckets).size).toBe(plan.buckets.length)
      }),
    )
  })

  test('runs name the bucket of each number, in order', () => {
    fc.assert(
      fc.property(fc.array(phone, { maxLength: 50 }), fc.integer({ min: 1, max: 8 }), (numbers, count) => {
        const plan = planRuns(numbers, count)
        const named = plan.buckets.flatMap((bucket, run) =>
          Array.from({ length: plan.lengths.readUInt16BE(run * 2) }, () => bucket),
        )
        expect(named).toEqual(numbers.map((number) => bucketOf(number, count)))
        for (const [run, bucket] of plan.buckets.entries()) expect(bucket).not.toBe(plan.buckets[run + 1])
      }),
    )
  })

  test('numbers sorted by their place stand bucket by bucket, however many buckets there are', () => {
    fc.assert(
      fc.property(
        fc.array(phone, { minLength: 2, maxLength: 200 }),
        fc.integer({ min: 1, max: 300 }),
        (numbers, count) => {
          const sorted = numbers.toSorted((a, b) => storagePlaceOf(a) - storagePlaceOf(b))
          const runs = planRuns(sorted, count).buckets
          expect(new Set(runs).size).toBe(runs.length)
          for (const number of numbers) expect(storagePlaceOf(number)).toBeLessThan(2 ** 31)
        },
      ),
    )
  })
})
