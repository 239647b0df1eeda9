import type { Effect, Outcome } from '@chasqui/delivery'
import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import { closeRedis, connectRedis, Keys, Senders } from '@chasqui/store'
import type { RedisClient } from '@chasqui/store'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { Effects } from '../src/effects.ts'

let redis: PrivateRedis
let client: RedisClient
let senders: Senders
/** By Redis, when a test began. */
let start: number

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'api', () => {})
  senders = new Senders(client, new Keys('test'))
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

beforeEach(async () => {
  await client.flushall()
  start = Number((await client.time())[0]) * 1_000
})

function effectsOf(random = 0) {
  const holds: unknown[] = []
  const blocked: unknown[] = []
  const said: unknown[] = []
  const clock = { now: start }
  const effects = new Effects({
    senders,
    sender: 's',
    concerned: (scope) => (scope === 'account' ? ['s', 'sister'] : ['s']),
    holdCampaign: async (...hold) => void holds.push(hold),
    now: () => clock.now,
    random: () => random,
    onBlocked: (sender, code, until) => blocked.push([sender, code, until - clock.now]),
    onRest: (...rest) => said.push(rest),
    onRested: (sender) => said.push([sender, 'sends again']),
  })
  return { effects, holds, blocked, said, clock }
}

/** For how long the sender rests, ms, more or less. */
async function restLeft(): Promise<number> {
  const { restUntil } = await senders.pacing('s')
  return restUntil === 0 ? 0 : restUntil - Number((await client.time())[0]) * 1_000
}

const accepted: Outcome = { kind: 'accepted', messageId: 'wamid.1', held: false }
const lost: Outcome = { kind: 'lost', reason: 'UND_ERR_SOCKET' }
const rest = (restMs: number, askedMs: number | null = null): Effect => ({
  kind: 'rest',
  restMs,
  askedMs,
  reason: 'code 4',
})

describe('a rest', () => {
  test('grows while it repeats, and begins anew once a message was taken', async () => {
    const { effects, clock } = effectsOf(0.999)
    const rests: number[] = []
    for (const outcome of [null, null, null, accepted]) {
      if (outcome !== null) await effects.hear('c', outcome)
      await client.flushall()
      await effects.carryOut('c', rest(10_000))
      rests.push(Math.round((await restLeft()) / 10_000))
      clock.now += 1_000
    }
    expect(rests).toEqual([1, 2, 4, 1])
  })

  test('is told with its reason and length, and its end once', async () => {
    const { effects, said, clock } = effectsOf(0)
    await effects.hear('c', accepted)
    for (let times = 0; times < 2; times++) {
      await effects.carryOut('c', rest(1_000, 5_000))
      clock.now += 1_000
    }
    for (let times = 0; times < 2; times++) await effects.hear('c', accepted)
    expect(said).toEqual([
      ['s', 'code 4', 5_000],
      ['s', 'code 4', 5_000],
      ['s', 'sends again'],
    ])
  })

  test('is never shorter than the endpoint asked for', async () => {
    await effectsOf(0).effects.carryOut('c', rest(60_000, 120_000))
    expect(await restLeft()).toBeGreaterThanOrEqual(119_000)
  })

  test('that many messages in flight tell of is one', async () => {
    const { effects } = effectsOf(0.999)
    await Promise.all(Array.from({ length: 50 }, async () => await effects.carryOut('c', rest(1_000))))
    expect(await restLeft()).toBeLessThanOrEqual(2_000)
  })
})

test('130429 lowers the rate once, whatever the number of messages that heard it', async () => {
  const { effects } = effectsOf()
  await Promise.all(
    Array.from({ length: 50 }, async () => await effects.carryOut('c', { kind: 'throttle', waitMs: null })),
  )
  expect((await senders.pacing('s')).factor).toBeGreaterThan(0.65)
  expect((await senders.pacing('s')).factor).toBeLessThan(0.8)
})

test('a block is visible with its code, its end and what it is about, and told once', async () => {
  const { effects, blocked } = effectsOf()
  const effect: Effect = { kind: 'block_sender', code: 190, scope: 'token', forMs: 300_000 }
  await effects.carryOut('c', effect)
  await effects.carryOut('d', effect)
  const blocks = await senders.blocks('s', start)
  expect([...blocks]).toEqual([['code_190', { since: start, until: start + 300_000, code: 190, detail: 'token' }]])
  expect(blocked).toEqual([['s', 190, 300_000]])
})

test('a block of an account holds for all its senders, and nobody else has to hear it first', async () => {
  const { effects, blocked } = effectsOf()
  await effects.carryOut('c', { kind: 'block_sender', code: 131042, scope: 'account', forMs: 300_000 })
  for (const id of ['s', 'sister']) expect([...(await senders.blocks(id, start)).keys()]).toEqual(['code_131042'])
  expect((await senders.blocks('stranger', start)).size).toBe(0)
  expect(blocked).toEqual([
    ['s', 131042, 300_000],
    ['sister', 131042, 300_000],
  ])
})

test('a hold names its code and its end, once for each campaign', async () => {
  const { effects, holds } = effectsOf()
  for (const campaign of ['a', 'a', 'b'])
    await effects.carryOut(campaign, { kind: 'hold_campaign', code: 134101, forMs: 600_000 })
  await effects.carryOut('d', { kind: 'hold_campaign', code: 132001, forMs: null })
  expect(holds).toEqual([
    ['a', 'code_134101', start + 600_000],
    ['b', 'code_134101', start + 600_000],
    ['d', 'code_132001', null],
  ])
})

describe('answers that are lost one after another', () => {
  test('are an outage: the sender rests', async () => {
    const { effects, said } = effectsOf(0.999)
    for (let times = 0; times < 9; times++) await effects.hear('c', lost)
    expect(await restLeft()).toBe(0)
    await effects.hear('c', lost)
    expect((await senders.pacing('s')).restUntil).toBeGreaterThan(0)
    expect(said).toEqual([['s', 'answers are lost one after another: UND_ERR_SOCKET', expect.any(Number)]])
  })

  test('with one between them that can be read are chance', async () => {
    const { effects } = effectsOf()
    for (let times = 0; times < 40; times++) {
      await effects.hear('c', lost)
      if (times % 9 === 8)
        await effects.hear('c', { kind: 'refused', code: 100, httpStatus: 400, details: '', waitMs: null })
    }
    expect((await senders.pacing('s')).restUntil).toBe(0)
  })
})
