import { mergeLessons } from '@chasqui/delivery'
import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { AliveCampaigns } from '../src/alive.ts'
import { foldFacts } from '../src/fold.ts'
import { Heart } from '../src/heart.ts'
import { Keys } from '../src/keys.ts'
import { Ledger } from '../src/ledger.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'
import { Senders } from '../src/senders.ts'

const keys = new Keys('full')
const ID = 'c1'
let redis: PrivateRedis
let client: RedisClient
let ledger: Ledger

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'ledger', () => {})
  ledger = new Ledger(client, keys)
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

const ask = {
  campaign: ID,
  chunk: 0,
  fromRow: 0,
  most: 1,
  claimant: 'w1',
  remembered: 0,
  leaseMs: 60_000,
  marginMs: 0,
}

/** Two recipients are claimed, one of them by somebody who died; then Redis is full. */
beforeEach(async () => {
  await client.config('SET', 'maxmemory', '0')
  await client.flushall()
  await client.hset(keys.campaign(ID), { status: 'running', sender: 's1', notAfter: '', onUnknown: 'keep' })
  await client.hset(keys.counts(ID), { recipients: '3', pending: '3' })
  await client.set(keys.states(ID), Buffer.from([1, 1, 1]))
  await ledger.claim({ ...ask, token: 'living', bornAt: Date.now() })
  await ledger.claim({ ...ask, token: 'dead', bornAt: Date.now(), leaseMs: -1 })
  await client.config('SET', 'maxmemory', '1')
})

describe('at full memory', () => {
  test('nothing new is taken in', async () => {
    await expect(client.set('anything', 'x')).rejects.toThrow(/OOM/)
  })

  test('nothing is claimed', async () => {
    await expect(ledger.claim({ ...ask, token: 'next', bornAt: Date.now() })).rejects.toThrow(/OOM/)
    expect(await client.hget(keys.counts(ID), 'pending')).toBe('1')
  })

  test('what became of a message is written down', async () => {
    const accepted = [{ row: 0, move: { kind: 'accepted', facts: 0 } as const }]
    expect(await ledger.settle(ID, 0, 'living', accepted)).toMatchObject({ settled: 1, stale: 0 })
    expect(await client.hget(keys.counts(ID), 'accepted')).toBe('1')
  })

  test('a claim whose worker died is given up', async () => {
    expect(await ledger.reap(ID, 10)).toMatchObject({ claims: 1, lost: 1 })
  })

  test('statuses are folded', async () => {
    const lessons = mergeLessons([{ ordinal: 0, attempt: 1, facts: 3, errorCode: 0 }])
    expect(await foldFacts(client, keys, ID, lessons)).toMatchObject({ kind: 'folded' })
    expect(await client.hget(keys.counts(ID), 'delivery:delivered')).toBe('1')
  })

  test('what is over is ended', async () => {
    await client.config('SET', 'maxmemory', '0')
    await client.hset(keys.campaign(ID), 'status', 'canceled')
    await client.config('SET', 'maxmemory', '1')
    expect(await ledger.finishChunk(ID, 0, 0)).toMatchObject({ ended: 1 })
  })

  test('a visit is closed, a campaign held, a sender slowed down, a process’ heart beats', async () => {
    expect(await ledger.closeVisit(ID, 0, 1_000)).toMatchObject({ free: 1, sending: 2 })
    expect(await new AliveCampaigns(client, keys).hold(ID, 'code_132015', null)).toBe(true)
    await new Senders(client, keys).throttle('s1', 250)
    expect(await new Heart(client, keys, 'w1').beat(null)).toMatchObject({ epoch: 0, beat: 1 })
  })
})
