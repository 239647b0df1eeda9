import { noteRefusals } from '@chasqui/delivery'
import type { RefusalRuns } from '@chasqui/delivery'
import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { Keys } from '../src/keys.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'
import { Refusals } from '../src/refusals.ts'

let redis: PrivateRedis
let client: RedisClient
let refusals: Refusals
const keys = new Keys('test')
const ID = 'c1'

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'ledger', () => {})
  refusals = new Refusals(client, keys)
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      what: fc.constant('told' as const),
      teller: fc.constantFrom('w1', 'w2'),
      code: fc.constantFrom(100, 132012),
      refusals: fc.integer({ min: 1, max: 20 }),
      // Told again in the same words, as after a reconnect.
      again: fc.boolean(),
      // Claimed before the campaign last stood still.
      old: fc.constantFrom(false, false, true),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('accepted' as const) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('resumed' as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('paused' as const) }) },
)

test('the script does what the model says, over random histories', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await client.flushall()
      await client.hset(keys.campaign(ID), 'status', 'running')
      const model: RefusalRuns = {
        status: 'running',
        accepted: 0,
        seenAccepted: 0,
        provenFrom: 0,
        runs: new Map(),
        stoodStillAt: 0,
        heard: new Map(),
      }
      const numbers = new Map<string, number>()
      for (const one of steps) {
        if (one.what === 'accepted') model.accepted = await client.hincrby(keys.counts(ID), 'accepted', 1)
        else if (one.what !== 'told') {
          model.status = one.what === 'paused' ? 'paused' : 'running'
          await client.hset(keys.campaign(ID), 'status', model.status)
        } else {
          const { teller, code } = one
          const number = Math.max(1, (numbers.get(teller) ?? 0) + (one.again ? 0 : 1))
          numbers.set(teller, number)
          const claimedAt = model.stoodStillAt + (one.old ? -1 : 1)
          const told = { teller, number, code, refusals: one.refusals, claimedAt }
          const reply = await refusals.note(ID, told, null)
          // Its own time is not the model's: what it says of it is taken over.
          const before = model.stoodStillAt
          const held = noteRefusals(model, { ...told, now: reply.stoodStillAt })
          expect(reply.held).toBe(held)
          expect(reply.stoodStillAt).toBe(model.stoodStillAt)
          expect(model.stoodStillAt).toBeGreaterThanOrEqual(before)
        }
        const stored = await client.hgetall(keys.refusals(ID))
        const runs = Object.entries(stored).filter(([field]) => field.startsWith('code:'))
        expect(Object.fromEntries(runs)).toEqual(
          Object.fromEntries([...model.runs].map(([code, run]) => [`code:${code}`, String(run)])),
        )
        expect(await client.hget(keys.campaign(ID), 'status')).toBe(model.status)
      }
    }),
    { numRuns: 300 },
  )
})

test('a hold has its reason, and the end that it was given', async () => {
  await client.flushall()
  await client.hset(keys.campaign(ID), 'status', 'running')
  const told = { teller: 'w1', number: 1, code: 131_000, refusals: 10, claimedAt: Date.now() }
  expect((await refusals.note(ID, told, 300_000)).held).toBe(true)
  const [status, reason, resumeAt] = await client.hmget(keys.campaign(ID), 'status', 'reason', 'resumeAt')
  expect([status, reason]).toEqual(['paused', 'code_131000'])
  expect(Number(resumeAt)).toBeGreaterThan(Date.now() + 290_000)
  expect(await client.ttl(keys.refusals(ID))).toBeGreaterThan(86_400)
})
