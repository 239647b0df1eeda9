import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { Campaigns } from '../src/campaigns.ts'
import { Keys } from '../src/keys.ts'
import { Ledger } from '../src/ledger.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'
import { SenderPauses } from '../src/sender-pause.ts'
import { Senders } from '../src/senders.ts'

let redis: PrivateRedis
let client: RedisClient
let pauses: SenderPauses
const keys = new Keys('test')

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'ledger', () => {})
  pauses = new SenderPauses(client, keys)
})

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

beforeEach(async () => {
  await client.flushall()
})

/** A campaign of `recipients` people that runs. */
async function running(id: string, sender: string, recipients = 2): Promise<void> {
  await client.hset(keys.campaign(id), { status: 'running', sender, notAfter: '', onUnknown: 'keep' })
  await client.hset(keys.counts(id), { recipients: String(recipients), pending: String(recipients) })
  await client.set(keys.states(id), Buffer.alloc(recipients, 1))
  await new Campaigns(client, keys).enliven(id)
}

let tokens = 0
async function claim(id: string, most = 1): Promise<string> {
  const reply = await new Ledger(client, keys).claim({
    campaign: id,
    chunk: 0,
    token: `t${++tokens}`,
    claimant: 'w',
    remembered: 0,
    fromRow: 0,
    most,
    bornAt: Date.now(),
    leaseMs: 60_000,
    marginMs: 0,
  })
  if (reply.kind === 'claimed') return `claimed ${reply.rows.length}`
  return reply.kind === 'stopped' ? `stopped ${reply.status}` : reply.kind
}

describe('a paused sender', () => {
  test('is given no slots, and none of its campaigns is claimed, also with slots from before; others go on', async () => {
    await running('a', 's1', 3)
    await running('b', 's2')
    expect(await claim('a', 2)).toBe('claimed 2')
    const { pause, inFlight } = await pauses.pause('s1', 'complaints', 'api:crm')
    expect(inFlight).toBe(2)
    expect(pause).toMatchObject({ by: 'api:crm', detail: 'complaints', until: null, code: null })
    expect(Math.abs(pause.since - Date.now())).toBeLessThan(5_000)
    expect(await claim('a')).toBe('stopped sender_paused')
    expect(await claim('b')).toBe('claimed 1')
    const slots = { wanted: 1, messagesPerSecond: 80, horizonMs: 250, leadMs: 0, paced: true, told: [] }
    const senders = new Senders(client, keys)
    expect(await senders.grantSlots({ ...slots, sender: 's1' })).toMatchObject({ kind: 'blocked', reason: 'paused' })
    expect(await senders.grantSlots({ ...slots, sender: 's2' })).toMatchObject({ kind: 'slots' })
  })

  test('paused twice stays as it was paused first; resumed, its campaigns are free; resumed twice nothing happens', async () => {
    await running('a', 's1')
    const first = await pauses.pause('s1', 'one', 'x')
    const second = await pauses.pause('s1', 'two', 'y')
    expect(second.pause).toEqual(first.pause)
    expect(await pauses.resume('s1')).toEqual({ resumed: true, freed: ['a'] })
    expect(await claim('a')).toBe('claimed 1')
    expect(await pauses.resume('s1')).toEqual({ resumed: false, freed: [] })
  })

  test('a campaign that begins while its sender is paused is covered, and freed with the others', async () => {
    await pauses.pause('s1', '', 'x')
    await running('late', 's1')
    await pauses.cover('late', 's1')
    expect(await claim('late')).toBe('stopped sender_paused')
    expect((await pauses.resume('s1')).freed).toEqual(['late'])
    await pauses.cover('late', 's1')
    expect(await claim('late')).toBe('claimed 1')
  })

  test('an older pause that comes late neither replaces a younger one nor ends with it', async () => {
    await running('a', 's1')
    const { pause: old } = await pauses.pause('s1', 'old', 'x')
    await pauses.resume('s1')
    const { pause: young } = await pauses.pause('s1', 'young', 'y')
    expect(young.token > old.token).toBe(true)
    // What a process that was held up would still do.
    const { loadScript } = await import('../src/script.ts')
    await loadScript('bar-campaign').run(client, [keys.campaign('a'), keys.counts('a')], [old.token])
    await loadScript('unbar-campaign').run(client, [keys.campaign('a')], [old.token, ''])
    expect(await claim('a')).toBe('stopped sender_paused')
  })

  test('what a crash between lifting the pause and freeing the campaigns has left is made good', async () => {
    await running('a', 's1')
    await pauses.pause('s1', '', 'x')
    await client.hdel(keys.blocks('s1'), 'paused')
    expect(await claim('a')).toBe('stopped sender_paused')
    expect(await pauses.letGo('s1')).toEqual(['a'])
    expect(await claim('a')).toBe('claimed 1')
  })

  test('under pauses, resumptions and launches all at once, every state that is answered holds', async () => {
    for (let round = 0; round < 40; round++) {
      const sender = `s${round}`
      await running(`r${round}`, sender)
      const launch = async (): Promise<void> => {
        await running(`n${round}`, sender)
        await pauses.cover(`n${round}`, sender)
      }
      await Promise.all([
        pauses.pause(sender, '1', 'x'),
        pauses.resume(sender),
        launch(),
        pauses.pause(sender, '2', 'y'),
        pauses.resume(sender),
      ])
      await pauses.pause(sender, 'last', 'z')
      expect([await claim(`r${round}`), await claim(`n${round}`)]).toEqual(Array(2).fill('stopped sender_paused'))
      await pauses.resume(sender)
      expect([await claim(`r${round}`), await claim(`n${round}`)]).toEqual(Array(2).fill('claimed 1'))
    }
  })
})
