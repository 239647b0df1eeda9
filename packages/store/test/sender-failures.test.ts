import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { Keys } from '../src/keys.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'
import { dayOf, FailureNotes, SenderFailures } from '../src/sender-failures.ts'

let redis: PrivateRedis
let client: RedisClient
let failures: SenderFailures
const keys = new Keys('test')
const NOW = 1_790_000_000_000
const DAY = 86_400_000

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'ledger', () => {})
  failures = new SenderFailures(client, keys)
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

test('processes add up, days are told apart, and the buckets go by themselves', async () => {
  const [one, two] = [new FailureNotes(failures, 'one'), new FailureNotes(failures, 'two')]
  one.add('a', 'refused', 132_012)
  one.add('a', 'refused', 132_012)
  one.add('b', 'failed', 131_026, 3)
  two.add('a', 'failed', 132_012, 5)
  two.add('a', 'failed', 0)
  await Promise.all([one.flush(NOW), two.flush(NOW)])
  one.add('a', 'failed', 131_026, 9)
  await one.flush(NOW - 3 * DAY)
  const today = [
    { code: '132012', refused: 2, failed: 5 },
    { code: '0', refused: 0, failed: 1 },
  ]
  expect(await failures.read('a', NOW, 1)).toEqual(today)
  expect(await failures.read('a', NOW, 7)).toEqual([{ code: '131026', refused: 0, failed: 9 }, ...today])
  expect(await failures.read('a', NOW + DAY, 1)).toEqual([])
  expect(await client.ttl(keys.failures('a', dayOf(NOW)))).toBeGreaterThan(7 * 86_400)
})

test('what a lost connection left unanswered is told again, and counts once', async () => {
  let lost = 0
  const flaky = new FailureNotes(
    {
      note: async (...words) => {
        await failures.note(...words)
        if (lost++ === 0) throw new Error('the answer was lost')
      },
    },
    'flaky',
  )
  flaky.add('c', 'failed', 131_026, 2)
  await expect(flaky.flush(NOW)).rejects.toThrow('lost')
  flaky.add('c', 'failed', 131_026)
  await flaky.flush(NOW)
  expect(await failures.read('c', NOW, 1)).toEqual([{ code: '131026', refused: 0, failed: 3 }])
})

test('a day holds so many codes; the others are counted together', async () => {
  const notes = new FailureNotes(failures, 'many')
  for (let code = 1; code <= 400; code++) notes.add('d', 'failed', code)
  await notes.flush(NOW)
  const told = await failures.read('d', NOW, 1)
  expect(told.length).toBeLessThan(310)
  expect(told[0]?.code).toBe('other')
  expect(told.reduce((sum, { failed }) => sum + failed, 0)).toBe(400)
})
