import { FACT, ledgerByte, STATE } from '@chasqui/delivery'
import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { Keys } from '../src/keys.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'
import { ToldMessages } from '../src/told.ts'

let redis: PrivateRedis
let client: RedisClient
let told: ToldMessages
const keys = new Keys('test')
const ID = 'c1'

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'api', () => {})
  told = new ToldMessages(client, keys)
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

const ACCEPTED = ledgerByte(STATE.accepted, 1)
/** More than is read at a time. */
const RECIPIENTS = 150_000

test.each<[string, number | null, boolean]>([
  ['of everybody', FACT.sent | FACT.routeMarketingLite, true],
  ['of a failure', FACT.failed, true],
  ['not of somebody in the last piece', 0, false],
  ['by the answer alone, which said that the message is held', FACT.held, false],
  ['by our own inference alone', FACT.undelivered, false],
  ['not of somebody beyond all facts', null, false],
])('told %s', async (_whom, last, all) => {
  await client.flushall()
  const states = Buffer.alloc(RECIPIENTS, ACCEPTED)
  // Of these no webhook can tell, or need not.
  states[7] = ledgerByte(STATE.unknown, 1)
  states[8] = ledgerByte(STATE.rejected, 1)
  const facts = Buffer.alloc(last === null ? RECIPIENTS - 1 : RECIPIENTS, FACT.delivered)
  facts[7] = 0
  facts[8] = 0
  if (last !== null) facts[RECIPIENTS - 1] = last
  await client.set(keys.states(ID), states)
  await client.set(keys.facts(ID), facts)
  expect(await told.ofAllAccepted(ID)).toBe(all)
})

test('progress is what the counters say', async () => {
  await client.flushall()
  expect(await told.progress(ID)).toEqual({ nothingOpen: true, unknown: 0, accepted: 0, toldAtMost: 0 })
  const counts = { pending: 1, unknown: 2, accepted: 9, 'delivery:sent': 7, 'delivery:failed': 3 }
  await client.hset(keys.counts(ID), counts)
  expect(await told.progress(ID)).toEqual({ nothingOpen: false, unknown: 2, accepted: 9, toldAtMost: 10 })
})
