import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { Keys } from '../src/keys.ts'
import { MessageIds } from '../src/message-ids.ts'
import type { Match, WaitingStatus } from '../src/message-ids.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'
import type { RedisClient } from '../src/redis.ts'

const NEVER = 1_000_000_000
const keys = new Keys('test')

let redis: PrivateRedis
let client: RedisClient

beforeAll(async () => {
  redis = await startRedis({ config: { appendonly: 'no' } })
  client = connectRedis(redis.url, 'ledger', () => {})
})

beforeEach(async () => void (await client.flushall()))

afterAll(async () => {
  await closeRedis(client)
  await redis.stop()
})

const messageIdsOf = (statuses: readonly WaitingStatus[]): string[] => statuses.map(({ messageId }) => messageId)
const body = (messageId: string, word: string): string => `${messageId}:${word}`

describe('message ids', () => {
  test('law 3: scripts and model agree on every random history; no status is lost, and none is joined twice', async () => {
    const id = fc.integer({ min: 0, max: 7 }).map((number) => `wamid.${number}`)
    const step = fc.oneof(
      {
        arbitrary: fc.record({ what: fc.constant('note' as const), ids: fc.uniqueArray(id, { maxLength: 4 }) }),
        weight: 2,
      },
      {
        arbitrary: fc.record({
          what: fc.constant('match' as const),
          told: fc.array(fc.tuple(id, fc.constantFrom('sent', 'read')), { maxLength: 5 }),
        }),
        weight: 3,
      },
      // Joins what can be joined; `crash`: what was folded is not forgotten. `late`: statuses come between.
      {
        arbitrary: fc.record({ what: fc.constant('join' as const), crash: fc.boolean(), late: fc.boolean() }),
        weight: 2,
      },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        await client.flushall()
        // Two processes, one of which proposes a key that is not taken.
        const processes = [new MessageIds(client, keys), new MessageIds(client, keys)]
        const noted = new Map<string, number>()
        const parked = new Map<string, Set<string>>()
        const folded = new Set<string>()
        const told = new Set<string>()
        const park = (messageId: string, word: string): Match => {
          told.add(body(messageId, word))
          const ordinal = noted.get(messageId)
          if (ordinal !== undefined) {
            folded.add(body(messageId, word))
            return { kind: 'found', place: { campaign: 'c1', ordinal, attempt: 1 } }
          }
          parked.set(messageId, (parked.get(messageId) ?? new Set()).add(body(messageId, word)))
          return { kind: 'parked' }
        }
        for (const [index, what] of steps.entries()) {
          const ids = processes[index % 2] as MessageIds
          if (what.what === 'note') {
            const messages = what.ids.map((messageId) => ({
              messageId,
              ordinal: Number(messageId.slice(6)),
              attempt: 1,
            }))
            // A command may be sent again.
            await ids.note('s', 'c1', messages)
            await ids.note('s', 'c1', messages)
            for (const { messageId, ordinal } of messages) noted.set(messageId, ordinal)
          } else if (what.what === 'match') {
            const statuses = what.told.map(([messageId, word]) => ({ messageId, body: body(messageId, word) }))
            const expected = what.told.map(([messageId, word]) => park(messageId, word))
            const known = what.told.map(([messageId]) => noted.get(messageId))
            expect((await ids.find('s', messageIdsOf(statuses))).map((place) => place?.ordinal)).toEqual(known)
            expect(await ids.match('s', statuses)).toEqual(expected)
          } else {
            const joinable = await ids.joinable('s', NEVER)
            const known = [...parked].filter(([messageId]) => noted.has(messageId))
            expect(new Set(joinable.map(({ bodies }) => bodies.toSorted().join()))).toEqual(
              new Set(known.map(([, bodies]) => [...bodies].toSorted().join())),
            )
            for (const { place, bodies } of joinable)
              for (const each of bodies) {
                expect(each.startsWith(`wamid.${place?.ordinal}:`)).toBe(true)
                folded.add(each)
              }
            if (what.crash) continue
            expect(await ids.forget('s', joinable)).toBe(known.length)
            expect(await ids.forget('s', joinable)).toBe(0)
            for (const [messageId] of known) parked.delete(messageId)
          }
          expect(await ids.waiting('s')).toBe(parked.size)
          const waits = await ids.whoWaits('s')
          for (let place = 0; place < 8; place += 1) expect(waits(`wamid.${place}`)).toBe(parked.has(`wamid.${place}`))
        }
        // Whatever was told is folded, or waits.
        const waits = new Set([...parked.values()].flatMap((bodies) => [...bodies]))
        expect([...told].filter((each) => !folded.has(each) && !waits.has(each))).toEqual([])
      }),
      { numRuns: Number(process.env['FOLD_RUNS'] ?? 150) },
    )
  })

  test('what waited for too long is given out with nobody to go to, and what came meanwhile is not forgotten with it', async () => {
    const ids = new MessageIds(client, keys)
    await ids.match('s', [{ messageId: 'w', body: 'one' }])
    const [waited] = await ids.joinable('s', -1_000)
    expect(waited).toMatchObject({ place: null, bodies: ['one'] })
    await ids.match('s', [{ messageId: 'w', body: 'two' }])
    expect(await ids.forget('s', waited === undefined ? [] : [waited])).toBe(0)
    expect(await ids.joinable('s', -1_000)).toMatchObject([{ bodies: ['one', 'two'] }])
  })

  test('ids are found in every segment, newest first, and go by themselves', async () => {
    const ids = new MessageIds(client, keys)
    const many = Array.from({ length: 12_000 }, (_, ordinal) => ({
      messageId: `wamid.${ordinal}`,
      ordinal,
      attempt: 1,
    }))
    for (let from = 0; from < many.length; from += 250)
      await ids.note('s', `c${from % 3}`, many.slice(from, from + 250))
    expect(Number(await client.hget(keys.messageIds('s'), 'segment'))).toBeGreaterThan(1)
    const asked = [0, 5_119, 5_120, 11_999]
    const matches = await ids.match(
      's',
      asked.map((ordinal) => ({ messageId: `wamid.${ordinal}`, body: 'x' })),
    )
    expect(matches.map((match) => (match.kind === 'found' ? match.place.ordinal : match.kind))).toEqual(asked)
    // So many segments are looked into in several steps, each of which is short; all are answered, in order.
    await client.hset(keys.messageIds('s'), 'segment', 60)
    const all = Array.from({ length: 700 }, (_, place) => (place * 17) % 12_000)
    const wanted = all.map((ordinal) => ({ messageId: `wamid.${ordinal}`, body: 'x' }))
    expect((await ids.find('s', messageIdsOf(wanted))).map((place) => place?.ordinal)).toEqual(all)
    expect((await ids.match('s', wanted)).map((each) => (each.kind === 'found' ? each.place.ordinal : -1))).toEqual(all)
    // Nothing of it stays for ever.
    const lasting: string[] = []
    for (const key of await client.keys('*')) if ((await client.pttl(key)) < 0) lasting.push(key)
    expect(lasting).toEqual([])
  })
})
