import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { NumberSet } from '../src/number-set.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'

let redis: PrivateRedis
let client: RedisClient

beforeAll(async () => {
  redis = await startRedis()
  client = connectRedis(redis.url, 'ledger', () => {})
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

beforeEach(async () => {
  await client.flushall()
})

const BASE = 'test:{n}:numbers'

/** Numbers of one country, close together: what a real list looks like. */
function numbersFrom(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => 5_511_900_000_000 + start + index * 7)
}

describe('a number set', () => {
  test('agrees with a Set on every random history, whoever asks', async () => {
    const few = fc.integer({ min: 0, max: 3_000 }).map((offset) => 5_511_900_000_000 + offset)
    const step = fc.record({
      who: fc.integer({ min: 0, max: 2 }),
      what: fc.constantFrom('add', 'has', 'remove'),
      numbers: fc.oneof(
        fc.array(few, { maxLength: 200 }),
        fc.integer({ min: 0, max: 100_000 }).map((start) => numbersFrom(start, 2_500)),
      ),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        await client.flushall()
        const askers = [0, 1, 2].map(() => new NumberSet(client, BASE))
        const model = new Set<number>()
        for (const { who, what, numbers } of steps) {
          const set = askers[who] ?? new NumberSet(client, BASE)
          const before = model.size
          if (what === 'add') {
            for (const number of numbers) model.add(number)
            expect(await set.add(numbers)).toBe(model.size - before)
          } else if (what === 'remove') {
            for (const number of numbers) model.delete(number)
            expect(await set.remove(numbers)).toBe(before - model.size)
          } else {
            expect(await set.has(numbers)).toEqual(numbers.map((number) => model.has(number)))
          }
          expect(await set.size()).toBe(model.size)
        }
      }),
      { numRuns: 30 },
    )
  })

  test('of 200,000 numbers keeps every bucket a packed array, at 8 to 10 bytes a number', async () => {
    const set = new NumberSet(client, BASE)
    const numbers = numbersFrom(0, 200_000)
    expect(await set.add(numbers)).toBe(200_000)
    const buckets = Number(await client.hget(`${BASE}:meta`, 'buckets'))
    for (let bucket = 0; bucket < buckets; bucket += 7)
      expect(await client.object('ENCODING', `${BASE}:${bucket}`)).toBe('intset')
    // Key by key, with its share of the key table: the server's own total also moves with its buffers.
    const sizes = await Promise.all(
      Array.from({ length: buckets }, async (_, bucket) => await client.memory('USAGE', `${BASE}:${bucket}`)),
    )
    const bytes = sizes.map(Number).reduce((sum, size) => sum + size, 0)
    expect(bytes / 200_000).toBeGreaterThan(8)
    expect(bytes / 200_000).toBeLessThan(10.5)
    expect(
      await new NumberSet(client, BASE).has([...numbers.slice(0, 1), ...numbers.slice(-1), 5_511_900_000_001]),
    ).toEqual([true, true, false])
  })

  test('stays exact when somebody makes all numbers fall into one bucket', async () => {
    // Multiples of the hash's prime all hash to 0.
    const numbers = Array.from({ length: 6_000 }, (_, index) => 2_147_483_647 * (index + 1))
    const set = new NumberSet(client, BASE)
    expect(await set.add(numbers)).toBe(6_000)
    expect(await set.add(numbers)).toBe(0)
    expect((await set.has(numbers)).every(Boolean)).toBe(true)
  })

  test('grown by one process is found by another that remembers it small', async () => {
    const [grower, reader] = [new NumberSet(client, BASE), new NumberSet(client, BASE)]
    await grower.add([5_511_912_345_678])
    expect(await reader.has([5_511_912_345_678])).toEqual([true])
    await grower.add(numbersFrom(0, 20_000))
    expect(await reader.has([5_511_912_345_678, 1])).toEqual([true, false])
  })
})
