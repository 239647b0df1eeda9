import { setTimeout as sleep } from 'node:timers/promises'

import { grantPermits, newPermits, rateInForce } from '@chasqui/delivery'
import type { ToldGrant } from '@chasqui/delivery'
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

const ASK: SlotRequest = {
  sender: 's',
  wanted: 100,
  messagesPerSecond: 80,
  horizonMs: 250,
  leadMs: 0,
  paced: true,
  told: [],
}

async function redisNow(): Promise<number> {
  const [seconds, micros] = (await client.time()).map(Number)
  return (seconds ?? 0) * 1_000 + (micros ?? 0) / 1_000
}

/** How far ahead the first slot lies, µs. */
function firstAhead(reply: SlotReply): number {
  return reply.kind === 'slots' ? (reply.aheadUs[0] ?? NaN) : NaN
}

/** The slots of a reply, ms by Redis' clock. */
function timesOf({ nowUs, aheadUs }: SlotReply & { kind: 'slots' }): number[] {
  return aheadUs.map((ahead) => (nowUs + ahead) / 1_000)
}

/** Asks as a worker does whose messages leave at their slots, until slots lie further ahead than `until`. */
async function takeAll(request: SlotRequest, until: number): Promise<number[]> {
  const times: number[] = []
  let told: readonly ToldGrant[] = []
  for (;;) {
    const reply = await senders.grantSlots({ ...request, told })
    told = []
    if (reply.kind === 'slots') {
      times.push(...timesOf(reply))
      const { serial, nowUs, aheadUs } = reply
      told = [{ serial, nowUs, slots: aheadUs.map((ahead) => [ahead, ahead]) }]
    } else if (reply.kind === 'wait') {
      await sleep(Math.min(reply.waitMs, 100))
    }
    if ((times.at(-1) ?? reply.now) > until || reply.now > until) return times
  }
}

describe('law 5: no second holds more messages than the limit, and nearly all of it is handed out', () => {
  const CASES = [
    { messagesPerSecond: 10, callers: 3 },
    { messagesPerSecond: 80, callers: 1 },
    { messagesPerSecond: 250, callers: 8 },
    { messagesPerSecond: 1_000, callers: 8 },
  ] as const

  test('from 10 to 1,000 a second, from one to eight callers, each sender on its own', async () => {
    await Promise.all(
      CASES.map(async ({ messagesPerSecond, callers }) => {
        const sender = `s${messagesPerSecond}`
        const request = { ...ASK, sender, wanted: 40, messagesPerSecond, horizonMs: 1_400 }
        const until = (await redisNow()) + 3_500
        const taken = await Promise.all(Array.from({ length: callers }, async () => await takeAll(request, until)))
        const times = taken.flat().sort((a, b) => a - b)
        const spans = times.slice(messagesPerSecond).map((time, index) => time - (times[index] ?? 0))
        expect([sender, Math.min(...spans) >= 1_000]).toEqual([sender, true])
        // In the first second after a rest a high limit is not used to the full.
        const first = (times[0] ?? 0) + 1_000
        const within = times.filter((time) => time >= first && time < first + 2_000).length
        expect([sender, within >= Math.floor(0.98 * messagesPerSecond * 2)]).toEqual([sender, true])
      }),
    )
  })

  test('what nobody asked for is made up for within its second, and not later', async () => {
    const first = await senders.grantSlots({ ...ASK, wanted: 1 })
    await sleep(400)
    const second = await senders.grantSlots({ ...ASK, wanted: 1_000 })
    if (first.kind !== 'slots' || second.kind !== 'slots') throw new Error('slots are free')
    // Twice as dense as the limit: 160/s for a quarter of a second, and the one whose moment is now.
    expect(second.aheadUs.length).toBeLessThanOrEqual(41)
    await sleep(2_000)
    const third = await senders.grantSlots({ ...ASK, wanted: 1_000 })
    if (third.kind !== 'slots') throw new Error('slots are free')
    expect(third.aheadUs.length).toBeLessThanOrEqual(21)
  })

  test('one sender does not slow another down', async () => {
    await takeAll({ ...ASK, sender: 'busy', horizonMs: 1_000 }, (await redisNow()) + 500)
    const reply = await senders.grantSlots({ ...ASK, sender: 'idle' })
    expect(firstAhead(reply)).toBeLessThanOrEqual(2_000)
  })

  test('slots lie at least so far ahead as it takes to claim', async () => {
    const ahead = firstAhead(await senders.grantSlots({ ...ASK, leadMs: 10 }))
    expect(ahead).toBeGreaterThanOrEqual(10_000)
    expect(ahead).toBeLessThanOrEqual(12_000)
  })

  test('a limit that an operator has set goes before the configured one', async () => {
    await client.hset(keys.rate('s'), 'limit', '5')
    expect(await senders.grantSlots(ASK)).toMatchObject({ kind: 'slots', limit: 5 })
    expect(await senders.pacing('s')).toMatchObject({ said: { override: 5 } })
  })

  test('what the provider told is in force until the file changes, once for all processes and never above the cap', async () => {
    const limitOf = async (more: Partial<SlotRequest>): Promise<number | null> => {
      await client.hdel(keys.rate('s'), 'next', 'permits')
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

  test('limits that milliseconds cannot break are only counted', async () => {
    const ask = { ...ASK, messagesPerSecond: 100_000, wanted: 4_000, paced: false }
    const replies = [await senders.grantSlots(ask), await senders.grantSlots({ ...ask, wanted: 1_000_000 })]
    expect(replies).toMatchObject([
      { kind: 'unpaced', count: 4_000, limit: 100_000 },
      { kind: 'unpaced', limit: 100_000 },
    ])
    expect((await senders.grantSlots(ask)).kind).toBe('wait')
  })

  test('the script does what its model does, to the microsecond', async () => {
    const asking = fc.record({
      limit: fc.constantFrom(0.4, 3, 80, 1_000, 1_000, 1_000),
      wanted: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 120 })),
      leadMs: fc.nat(40),
      horizonMs: fc.integer({ min: 100, max: 1_000 }),
      /** Which earlier grants are told of (some twice), and how late their messages left, ms; negative: not at all. */
      tells: fc.array(fc.tuple(fc.nat(8), fc.integer({ min: -100, max: 500 })), { maxLength: 5 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(asking, { minLength: 5, maxLength: 25 }), async (history) => {
        await client.flushall()
        const model = newPermits()
        const granted: Array<SlotReply & { kind: 'slots' }> = []
        for (const { limit, wanted, leadMs, horizonMs, tells } of history) {
          const told = tells.flatMap(([which, lateMs]): ToldGrant[] => {
            const grant = granted[which]
            const left = (ahead: number): number | null => (lateMs < 0 ? null : ahead + lateMs * 1_000)
            if (grant === undefined) return []
            return [{ ...grant, slots: grant.aheadUs.map((ahead) => [ahead, left(ahead)] as const) }]
          })
          const ask = { ...ASK, messagesPerSecond: limit, wanted, leadMs, horizonMs, told }
          const reply = await senders.grantSlots(ask)
          if (reply.kind !== 'slots' && reply.kind !== 'wait') throw new Error(reply.kind)
          const { nowUs } = reply
          const units = { leadUs: leadMs * 1_000, horizonUs: horizonMs * 1_000 }
          const expected = grantPermits(model, { nowUs, wanted, limit, told, ...units })
          expect(reply).toMatchObject(expected)
          if (reply.kind === 'slots') granted.push(reply)
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe('after 130429', () => {
  const limit = async (): Promise<number> => {
    await client.hdel(keys.rate('s'), 'next', 'permits')
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
