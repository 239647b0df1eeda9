import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { Heart } from '../src/heart.ts'
import { Keys } from '../src/keys.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'
import { loadScript } from '../src/script.ts'

let redis: PrivateRedis
let client: RedisClient
let heart: Heart
const keys = new Keys('test')
const AROUND_NOW = expect.closeTo(Date.now(), -5) as number

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'ledger', () => {})
  heart = new Heart(client, keys, 'member', 'worker 7')
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

beforeEach(async () => {
  await client.flushall()
})

describe('the kill switch', () => {
  test('tells every beat who pulled it, when and why, until it is lifted; the first order stays', async () => {
    expect(await heart.beat(null)).toMatchObject({ stopped: null, quarantine: null })
    await heart.stopEverything('wrong list', 'api:ops')
    await heart.stopEverything('again', 'api:crm')
    expect((await heart.beat(null)).stopped).toMatch(/^everything was stopped by api:ops at 20\S+Z: wrong list$/)
    expect((await heart.state()).stopped).toEqual({ why: 'wrong list', who: 'api:ops', since: AROUND_NOW })
    expect([await heart.goOn(), await heart.goOn()]).toEqual([true, false])
    expect(await heart.state()).toEqual({ stopped: null, quarantine: null, released: null })
  })

  test('also holds when somebody sets it in Redis by hand, and is lifted the same way', async () => {
    for (const text of ['because of me', '{"odd":1}', '"quoted"']) {
      await client.set(keys.stopped(), text)
      expect((await heart.beat(null)).stopped).toBe(`everything was stopped: ${text}`)
      expect(await heart.goOn()).toBe(true)
    }
  })

  test('a lifting that is sent again does not lift a newer order', async () => {
    await heart.stopEverything('first', 'x')
    const first = await client.get(keys.stopped())
    await heart.goOn()
    await heart.stopEverything('second', 'x')
    expect(await loadScript('start-again').run(client, [keys.stopped()], [first ?? ''])).toBe(0)
    expect((await heart.state()).stopped?.why).toBe('second')
  })
})

describe('the quarantine', () => {
  test('keeps its first reason and who saw it, and its release says who and begins one epoch', async () => {
    await heart.quarantine('gone backwards')
    await heart.quarantine('gone backwards again')
    const { quarantine } = await heart.state()
    expect(quarantine).toEqual({ why: 'gone backwards', who: 'worker 7', since: AROUND_NOW })
    expect([await heart.release('replayed', 'api:ops'), await heart.release('twice', 'api:x')]).toEqual([true, false])
    expect(await heart.state()).toEqual({
      stopped: null,
      quarantine: null,
      released: { why: 'replayed', who: 'api:ops', at: AROUND_NOW, quarantine: 'gone backwards' },
    })
    expect(await heart.beat(null)).toMatchObject({ epoch: 1, quarantine: null })
  })
})
