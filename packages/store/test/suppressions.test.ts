import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { Keys } from '../src/keys.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'
import { Suppressions } from '../src/suppressions.ts'

let redis: PrivateRedis
let client: RedisClient
let suppressions: Suppressions
const keys = new Keys('test')
const ANA = 5_511_912_345_678
const EARLIER = Date.now() - 60_000

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'api', () => {})
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

beforeEach(async () => {
  await client.flushall()
  suppressions = new Suppressions(client, keys)
})

async function suppressed(): Promise<boolean | undefined> {
  return (await suppressions.areSuppressed([ANA]))[0]
}

describe('an opt-out that an operator took back', () => {
  test('is not brought back by a person’s older word, heard again or for the first time', async () => {
    await suppressions.hear(ANA, 'stop', EARLIER)
    expect(await suppressions.remove([ANA])).toBe(1)
    expect(await suppressions.hear(ANA, 'stop', EARLIER)).toBe(false)
    expect(await suppressions.hear(ANA, 'stop', EARLIER + 1)).toBe(false)
    expect(await suppressed()).toBe(false)
    expect(await suppressions.hear(ANA, 'stop', Date.now() + 1_000)).toBe(true)
    expect(await suppressed()).toBe(true)
  })

  test('is taken back also when the person’s clock is ahead of ours', async () => {
    const ahead = Date.now() + 30_000
    await suppressions.hear(ANA, 'stop', ahead)
    await suppressions.remove([ANA])
    expect(await suppressed()).toBe(false)
    expect(await suppressions.hear(ANA, 'stop', ahead)).toBe(false)
    expect(await suppressed()).toBe(false)
  })
})

describe('an opt-out that an operator gave', () => {
  test.each([
    ['older', EARLIER],
    ['newer', Date.now() + 1_000],
  ])('is not undone by a person’s %s resume', async (_name, at) => {
    await suppressions.add([ANA])
    await suppressions.hear(ANA, 'resume', at)
    expect(await suppressed()).toBe(true)
    expect(await suppressions.size()).toBe(1)
  })

  test('stays when the person, who had stopped too, resumes', async () => {
    await suppressions.hear(ANA, 'stop', EARLIER)
    expect(await suppressions.add([ANA])).toBe(0)
    await suppressions.hear(ANA, 'resume', EARLIER + 1)
    expect(await suppressed()).toBe(true)
    await suppressions.remove([ANA])
    expect(await suppressed()).toBe(false)
  })
})

test('one person, whatever the spelling of the number', async () => {
  const short = 551_112_345_678
  await suppressions.hear(short, 'stop', EARLIER)
  expect(await suppressed()).toBe(true)
  await suppressions.add([ANA])
  await suppressions.hear(short, 'resume', EARLIER + 1)
  expect(await suppressions.areSuppressed([short, ANA])).toEqual([true, true])
  expect(await suppressions.remove([short])).toBe(1)
  expect(await suppressed()).toBe(false)
})

test('suppressed is who is listed or whose last word is stop, on every history', async () => {
  const step = fc.oneof(
    fc.record({
      who: fc.constant('person' as const),
      word: fc.constantFrom('stop' as const, 'resume' as const),
      ago: fc.nat(5),
    }),
    fc.record({ who: fc.constant('operator' as const), listed: fc.boolean() }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      await client.flushall()
      suppressions = new Suppressions(client, keys)
      let listed = false
      let last = { at: -1, word: 'resume' }
      for (const said of steps) {
        if (said.who === 'operator') {
          listed = said.listed
          if (listed) await suppressions.add([ANA])
          else {
            await suppressions.remove([ANA])
            last = { at: Infinity, word: 'resume' }
          }
        } else {
          const at = EARLIER - said.ago
          await suppressions.hear(ANA, said.word, at)
          if (at > last.at || (at === last.at && said.word === 'stop')) last = { at, word: said.word }
        }
        expect(await suppressed()).toBe(listed || last.word === 'stop')
        expect(await suppressions.size()).toBe(listed || last.word === 'stop' ? 1 : 0)
      }
    }),
    { numRuns: 150 },
  )
})
