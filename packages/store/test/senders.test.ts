import { setTimeout as sleep } from 'node:timers/promises'

import { rateInForce } from '@chasqui/delivery'
import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { Keys } from '../src/keys.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'
import { Senders } from '../src/senders.ts'
import type { SlotReply, SlotRequest } from '../src/senders.ts'

let redis: PrivateRedis
let client: RedisClient
let senders: Senders
const keys = new Keys('test')

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'api', () => {})
  senders = new Senders(client, keys)
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

beforeEach(async () => {
  await client.flushall()
})

const ASK: SlotRequest = { sender: 's', wanted: 100, messagesPerSecond: 80, horizonMs: 250, leadMs: 0, lateMs: 0 }

async function redisNow(): Promise<number> {
  const [seconds, micros] = (await client.time()).map(Number)
  return (seconds ?? 0) * 1_000 + (micros ?? 0) / 1_000
}

/** The slots of a reply, ms by Redis' clock; a reply names its moment in whole milliseconds. */
function timesOf(reply: SlotReply & { kind: 'slots' }): number[] {
  return Array.from(
    { length: reply.count },
    (_, index) => reply.now + reply.firstUs / 1e3 + (index * reply.spacingNs) / 1e6,
  )
}

/** Asks as a worker does, until slots lie further ahead than `forMs`. A wide horizon: a slow machine must not lose slots. */
async function takeAll(request: SlotRequest, until: number): Promise<number[]> {
  const times: number[] = []
  for (;;) {
    const reply = await senders.grantSlots(request)
    if (reply.kind === 'slots') times.push(...timesOf(reply))
    else if (reply.kind === 'wait') await sleep(reply.waitMs)
    if ((times.at(-1) ?? reply.now) > until || reply.now > until) return times
  }
}

describe('law 5: no second holds more slots than the limit, and nearly all of it is handed out', () => {
  const CASES = [
    { messagesPerSecond: 10, callers: 3, lateMs: 0 },
    { messagesPerSecond: 80, callers: 1, lateMs: 10 },
    { messagesPerSecond: 250, callers: 8, lateMs: 0 },
    { messagesPerSecond: 1_000, callers: 8, lateMs: 12 },
  ] as const

  test('from 10 to 1,000 a second, from one to eight callers, each sender on its own', async () => {
    await Promise.all(
      CASES.map(async ({ messagesPerSecond, callers, lateMs }) => {
        const sender = `s${messagesPerSecond}`
        const request = { ...ASK, sender, wanted: 40, messagesPerSecond, lateMs, horizonMs: 2_000 }
        const until = (await redisNow()) + 2_500
        const taken = await Promise.all(Array.from({ length: callers }, async () => await takeAll(request, until)))
        const times = taken.flat().sort((a, b) => a - b)
        // A message may leave late: so much more than a second must pass between a slot and the one `limit` later.
        const spans = times.slice(messagesPerSecond).map((time, index) => time - (times[index] ?? 0))
        expect([sender, Math.min(...spans) >= 1_000 + lateMs]).toEqual([sender, true])
        const first = times[0] ?? 0
        const within = times.filter((time) => time < first + 2_000).length
        expect([sender, within >= Math.floor(0.98 * messagesPerSecond * 2)]).toEqual([sender, true])
      }),
    )
  })

  test('what nobody asked for is not made up for', async () => {
    const first = await senders.grantSlots({ ...ASK, wanted: 1 })
    await sleep(400)
    const second = await senders.grantSlots({ ...ASK, wanted: 1_000 })
    if (first.kind !== 'slots' || second.kind !== 'slots') throw new Error('slots are free')
    expect(second.firstUs).toBe(0)
    expect(second.count).toBeLessThanOrEqual(Math.ceil(0.25 * ASK.messagesPerSecond) + 1)
  })

  test('one sender does not slow another down', async () => {
    await takeAll({ ...ASK, sender: 'busy', horizonMs: 1_000 }, (await redisNow()) + 500)
    expect(await senders.grantSlots({ ...ASK, sender: 'idle' })).toMatchObject({ kind: 'slots', firstUs: 0 })
  })

  test('slots lie at least so far ahead as it takes to claim', async () => {
    expect(await senders.grantSlots({ ...ASK, leadMs: 10 })).toMatchObject({ kind: 'slots', firstUs: 10_000 })
  })

  test('a limit that an operator has set goes before the configured one', async () => {
    await client.hset(keys.rate('s'), 'limit', '5')
    expect(await senders.grantSlots(ASK)).toMatchObject({ kind: 'slots', limit: 5 })
    expect(await senders.pacing('s')).toMatchObject({ said: { override: 5 } })
  })

  test('what the provider told is in force until the file changes, once for all processes and never above the cap', async () => {
    const limitOf = async (more: Partial<SlotRequest>): Promise<number | null> => {
      await client.hdel(keys.rate('s'), 'next')
      const reply = await senders.grantSlots({ ...ASK, ...more })
      return reply.kind === 'slots' ? reply.limit : null
    }
    expect(await senders.learnRate('s', 1_000, 10)).toBe(true)
    expect(await limitOf({})).toBe(1_000)
    expect(await limitOf({ maxMessagesPerSecond: 300 })).toBe(300)
    expect(await limitOf({ messagesPerSecond: 60 })).toBe(60)
    // The same word again, and older ones, do not undo what an operator wrote since.
    expect(await senders.learnRate('s', 1_000, 10)).toBe(false)
    expect(await senders.learnRate('s', 20, 9)).toBe(false)
    expect(await limitOf({ messagesPerSecond: 60 })).toBe(60)
    expect(await senders.learnRate('s', 1_000, 11)).toBe(true)
    expect(await limitOf({ messagesPerSecond: 60 })).toBe(1_000)
    expect(await senders.pacing('s')).toMatchObject({
      said: { override: null, learned: 1_000, learnedOver: 60 },
      learnedAt: 11,
    })
  })

  test('the rate in force is that of its model, whatever was said', async () => {
    const rate = fc.constantFrom(5, 80, 300, 1_000)
    const maybe = fc.option(rate)
    const words = fc.record({ configured: rate, cap: maybe, override: maybe, learned: maybe, learnedOver: maybe })
    await fc.assert(
      fc.asyncProperty(words, async (said) => {
        const { override: limit, learned, learnedOver } = said
        await client.del(keys.rate('s'))
        const fields = Object.entries({ limit, learned, learnedOver }).filter(([, value]) => value !== null)
        if (fields.length > 0) await client.hset(keys.rate('s'), fields.flat() as (string | number)[])
        const ask = { ...ASK, messagesPerSecond: said.configured, maxMessagesPerSecond: said.cap }
        expect(await senders.grantSlots(ask)).toMatchObject({ limit: rateInForce(said).messagesPerSecond })
      }),
      { numRuns: 200 },
    )
  })

  test('lateness that one process needs holds for all, until nobody has needed it for a while: then the difference stays empty', async () => {
    const first = async (lateMs: number): Promise<{ readonly lateMs: number; readonly firstUs: number }> => {
      await client.hset(keys.rate('s'), 'next', String(Math.floor((await redisNow()) * 1_000)))
      const reply = await senders.grantSlots({ ...ASK, lateMs })
      return reply.kind === 'slots' ? reply : { lateMs: -1, firstUs: -1 }
    }
    expect((await first(90)).lateMs).toBe(90)
    expect((await first(0)).lateMs).toBe(90)
    await client.hset(keys.rate('s'), 'lateAt', String(Math.floor(await redisNow()) - 2_000))
    const letGo = await first(10)
    expect(letGo.lateMs).toBe(10)
    // What still may leave 90 ms late does not meet slots that lie denser; a slow machine has used some of the 80 ms up.
    expect(letGo.firstUs).toBeGreaterThan(0)
    expect(letGo.firstUs).toBeLessThanOrEqual(80_000)
    expect((await first(10)).firstUs).toBe(0)
    expect((await first(40)).lateMs).toBe(40)
  })
})

describe('after 130429', () => {
  const limit = async (): Promise<number> => {
    await client.hset(keys.rate('s'), 'next', '0')
    const reply = await senders.grantSlots({ ...ASK, messagesPerSecond: 100 })
    return reply.kind === 'slots' ? reply.limit : -1
  }
  /** As if the last change lay this much further back. */
  const age = async (ms: number): Promise<void> => {
    await client.hincrby(keys.rate('s'), 'changed', -ms)
  }

  test('less of the limit is used: once a second, however many messages heard it', async () => {
    await Promise.all(Array.from({ length: 20 }, async () => await senders.throttle('s', 0)))
    expect(await limit()).toBeCloseTo(70, 0)
    await age(1_100)
    await senders.throttle('s', 0)
    expect(await limit()).toBeCloseTo((70 + 5.5) * 0.7, 0)
  })

  test('it climbs back by a twentieth of the limit a second, and no further than the limit', async () => {
    await senders.throttle('s', 0)
    await age(2_000)
    expect(await limit()).toBeCloseTo(80, 0)
    await age(60_000)
    expect(await limit()).toBe(100)
  })

  test('what is shown climbs with it', async () => {
    await senders.throttle('s', 0)
    expect((await senders.pacing('s')).factor).toBeCloseTo(0.7, 1)
    await age(4_000)
    expect((await senders.pacing('s')).factor).toBeCloseTo(0.9, 1)
    await age(60_000)
    expect((await senders.pacing('s')).factor).toBe(1)
  })

  test('a sender that is always too fast is never stopped for good', async () => {
    for (let times = 0; times < 40; times++) {
      await senders.throttle('s', 0)
      await age(1_001)
    }
    expect(await limit()).toBeGreaterThanOrEqual(2)
  })
})

describe('a rest', () => {
  test('hands out nothing until it is over, and a shorter one does not end it', async () => {
    await senders.rest('s', 400)
    await senders.rest('s', 10)
    const reply = await senders.grantSlots(ASK)
    if (reply.kind !== 'wait') throw new Error('the sender rests')
    expect(reply.waitMs).toBeGreaterThan(300)
    expect(reply.waitMs).toBeLessThanOrEqual(400)
    expect((await senders.pacing('s')).restUntil).toBe(reply.now + reply.waitMs)
    await sleep(reply.waitMs + 5)
    expect((await senders.grantSlots(ASK)).kind).toBe('slots')
  })

  test('after 130429 lasts as long as was asked', async () => {
    await senders.throttle('s', 5_000)
    expect(await senders.grantSlots(ASK)).toMatchObject({ kind: 'wait' })
  })
})

describe('a block', () => {
  const block = { since: 1, until: null, code: 190, detail: 'token' }

  test('that somebody must lift holds until then', async () => {
    await senders.block('s', 'code_190', block)
    expect(await senders.grantSlots(ASK)).toMatchObject({ kind: 'blocked', until: null, reason: 'code_190' })
    await senders.unblock('s', 'code_190')
    expect((await senders.grantSlots(ASK)).kind).toBe('slots')
  })

  test('with an end is over by itself, for those who send and for those who look', async () => {
    const now = Math.floor(await redisNow())
    await senders.block('s', 'code_368', { ...block, until: now + 300 })
    expect(await senders.grantSlots(ASK)).toMatchObject({ kind: 'blocked', until: now + 300, reason: 'code_368' })
    expect([...(await senders.blocks('s', now + 299)).keys()]).toEqual(['code_368'])
    expect(await senders.blocks('s', now + 300)).toEqual(new Map())
    await expect.poll(async () => (await senders.grantSlots(ASK)).kind).toBe('slots')
  })

  test('of several the longest is told, whatever their details say', async () => {
    const now = Math.floor(await redisNow())
    await senders.block('s', 'a', { ...block, until: now + 60_000 })
    await senders.block('s', 'b', { ...block, until: now + 90_000, detail: 'an "until":1 in it' })
    await senders.block('s', 'c', { ...block, until: now - 1 })
    expect(await senders.grantSlots(ASK)).toMatchObject({ kind: 'blocked', until: now + 90_000, reason: 'b' })
    await senders.block('s', 'd', block)
    expect(await senders.grantSlots(ASK)).toMatchObject({ kind: 'blocked', until: null, reason: 'd' })
    expect([...(await senders.blocks('s', now)).keys()].sort((x, y) => x.localeCompare(y))).toEqual(['a', 'b', 'd'])
  })

  test('of another sender does not matter', async () => {
    await senders.block('other', 'code_190', block)
    expect((await senders.grantSlots(ASK)).kind).toBe('slots')
  })
})

test('of the events that webhooks tell of, the latest is remembered', async () => {
  expect(await senders.webhooksUntil('s')).toBe(0)
  for (const at of [5_000, 9_000.7, 7_000]) await senders.noteWebhook('s', at)
  expect(await senders.webhooksUntil('s')).toBe(9_000)
})
