import { FACT, ledgerByte, STATE } from '@chasqui/delivery'
import { startRedis } from '@chasqui/harness'
import { expect, test } from 'vitest'

import { FOLD_LESSONS_MAX, foldFacts } from '../src/fold.ts'
import { Keys } from '../src/keys.ts'
import { MessageIds } from '../src/message-ids.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'

/** The reaches hold at 1,000,000: `LEDGER_RECIPIENTS=1000000 npx vitest run packages/store/test/ledger-memory.test.ts`. */
const RECIPIENTS = Number(process.env['LEDGER_RECIPIENTS'] ?? 60_000)
const ID = 'c1'

async function usedMemory(client: RedisClient): Promise<number> {
  const info = await client.info('memory')
  return Number(/used_memory:(\d+)/.exec(info)?.[1])
}

test(
  'ledger and facts take at most 8 bytes a recipient of Redis, with the index of message ids at most 32',
  { timeout: 600_000 },
  async () => {
    const redis = await startRedis({ config: { appendonly: 'no' } })
    const client = connectRedis(redis.url, 'ledger', () => {})
    const keys = new Keys('test')
    const empty = await usedMemory(client)
    await client.hset(keys.campaign(ID), { status: 'running', onUnknown: 'keep', notAfter: '', sender: 's' })
    await client.set(keys.states(ID), Buffer.alloc(RECIPIENTS, ledgerByte(STATE.accepted, 1)))
    const ordinals = Array.from({ length: RECIPIENTS }, (_, ordinal) => ordinal)
    for (let from = 0; from < RECIPIENTS; from += FOLD_LESSONS_MAX)
      await foldFacts(
        client,
        keys,
        ID,
        ordinals
          .slice(from, from + FOLD_LESSONS_MAX)
          .map((ordinal) => ({ ordinal, attempt: 1, facts: FACT.sent | FACT.routeMarketingLite, errorCode: 0 })),
      )
    const withFacts = (await usedMemory(client)) - empty
    const ids = new MessageIds(client, keys)
    for (let from = 0; from < RECIPIENTS; from += 250)
      await ids.note(
        's',
        ID,
        ordinals.slice(from, from + 250).map((ordinal) => ({ messageId: `wamid.${ordinal}`, ordinal, attempt: 1 })),
      )
    const withIds = (await usedMemory(client)) - empty
    await closeRedis(client)
    await redis.stop()
    const each = (bytes: number): number => Math.round((bytes / RECIPIENTS) * 10) / 10
    process.stderr.write(`${RECIPIENTS} recipients: ${each(withFacts)} bytes each, with message ids ${each(withIds)}\n`)
    expect(each(withFacts)).toBeLessThanOrEqual(8)
    // A sender's first segments are small, so that few messages pay for much of a bucket each.
    expect(each(withIds)).toBeLessThanOrEqual(RECIPIENTS >= 1_000_000 ? 32 : 40)
  },
)
