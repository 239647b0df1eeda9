import type { SlotReply, SlotRequest } from '@chasqui/store'
import { describe, expect, test } from 'vitest'

import { Pacer } from './pacer.ts'
import type { Slot } from './pacer.ts'

const SLOTS: SlotReply = {
  kind: 'slots',
  now: 0,
  count: 3,
  firstUs: 20_000,
  spacingNs: 12_500_000,
  limit: 80,
  lateMs: 12,
}

type Setup = { readonly messagesPerSecond?: number; readonly roundTripMs?: number; readonly forbidden?: () => boolean }

/** A pacer whose questions get these replies, the last one for ever, and a clock that stands still until it is told. */
function pacerOf(
  replies: readonly SlotReply[],
  { messagesPerSecond = 80, roundTripMs = 0, forbidden = () => false }: Setup = {},
) {
  const asked: SlotRequest[] = []
  /** `wallAhead`: how far the machine's clock is ahead of the monotonic one. */
  const clock = { now: 1_000, wallAhead: 1_000_000 }
  const pacer = new Pacer({
    senders: {
      grantSlots: async (request) => {
        asked.push(request)
        clock.now += roundTripMs
        return replies[Math.min(asked.length, replies.length) - 1] ?? SLOTS
      },
    },
    sender: 's',
    messagesPerSecond: () => messagesPerSecond,
    forbidden,
    now: () => clock.now,
    wall: () => clock.now + clock.wallAhead,
    onReply: () => {},
  })
  return { pacer, asked, clock }
}

async function slotsOf(pacer: Pacer, most: number): Promise<readonly Slot[]> {
  const answer = await pacer.ask(most)
  if (answer.kind !== 'slots') throw new Error(`a wait of ${answer.ms} ms`)
  return answer.slots
}

describe('slots', () => {
  test('lie evenly from the first on, and each may be used for as long as Redis allows', async () => {
    const { pacer } = pacerOf([SLOTS])
    expect(await slotsOf(pacer, 3)).toEqual([
      { at: 1_020, latest: 1_032, latestByWall: 1_001_033 },
      { at: 1_032.5, latest: 1_044.5, latestByWall: 1_001_045.5 },
      { at: 1_045, latest: 1_057, latestByWall: 1_001_058 },
    ])
  })

  test('count from the answer, so that none is early, and end counted from the question, so that none is late', async () => {
    const { pacer } = pacerOf([SLOTS], { roundTripMs: 8 })
    expect((await slotsOf(pacer, 3))[0]).toMatchObject({ at: 1_028, latest: 1_032 })
  })

  test('of a limit that milliseconds cannot break do not end', async () => {
    const { pacer } = pacerOf([SLOTS], { messagesPerSecond: 5_000 })
    expect((await slotsOf(pacer, 3))[0]?.latest).toBe(Infinity)
  })

  test('that found no recipient are used before Redis is asked for others, earliest first', async () => {
    const { pacer, asked } = pacerOf([SLOTS])
    const [first, second, third] = await slotsOf(pacer, 3)
    if (first === undefined || second === undefined || third === undefined) throw new Error('three slots')
    pacer.giveBack([third, first])
    expect(await slotsOf(pacer, 1)).toEqual([first])
    expect(await slotsOf(pacer, 9)).toEqual([third])
    expect(asked).toHaveLength(1)
  })

  test('that were given back too late are not used', async () => {
    const { pacer, asked, clock } = pacerOf([SLOTS])
    pacer.giveBack(await slotsOf(pacer, 3))
    clock.now += 10_000
    await slotsOf(pacer, 1)
    expect(asked).toHaveLength(2)
  })

  test('are missed by what leaves after their end, and that is learned from', async () => {
    const { pacer, asked, clock } = pacerOf([SLOTS])
    const slot = { at: 1_000, latest: 1_012, latestByWall: Infinity }
    clock.now = 1_012
    expect(pacer.missed(slot)).toBe(false)
    clock.now = 1_060
    for (let times = 0; times < 300; times++) expect(pacer.missed(slot)).toBe(true)
    await slotsOf(pacer, 1)
    expect(asked.at(-1)?.lateMs).toBe(60)
  })
})

test('a slot is missed, too, when the machine was suspended meanwhile: its monotonic clock stood still', async () => {
  const { pacer, clock } = pacerOf([SLOTS])
  const [slot] = await slotsOf(pacer, 1)
  if (slot === undefined) throw new Error('no slot')
  clock.now = slot.at
  expect(pacer.missed(slot)).toBe(false)
  clock.wallAhead += 300
  expect(pacer.missed(slot)).toBe(true)
  // Set back by whoever keeps the machine's clock: that says nothing.
  clock.wallAhead -= 3_600_000
  expect(pacer.missed(slot)).toBe(false)
})

describe('asking', () => {
  test('names how many, the limit of now, and how late messages of this process are', async () => {
    const { pacer, asked } = pacerOf([SLOTS], { messagesPerSecond: 250 })
    await slotsOf(pacer, 40)
    expect(asked).toEqual([expect.objectContaining({ sender: 's', wanted: 40, messagesPerSecond: 250, lateMs: 8 })])
  })

  test('a Redis far away is asked for slots behind the claim’s two round trips, in the nearer half of the way ahead', async () => {
    const { pacer, asked } = pacerOf([SLOTS], { roundTripMs: 200 })
    await slotsOf(pacer, 3)
    await slotsOf(pacer, 3)
    const [near, far] = asked
    expect([near?.leadMs, near?.horizonMs]).toEqual([10, 250])
    expect(far).toMatchObject({ leadMs: 410, lateMs: 208 })
    expect(far?.horizonMs).toBeGreaterThan(2 * 410)
  })

  test('says how long a sender rests or is blocked, but never for so long that its end would not be seen', async () => {
    const replies: SlotReply[] = [
      { kind: 'wait', now: 0, waitMs: 5 },
      { kind: 'blocked', now: 100, until: 105, reason: 'code_131057' },
      { kind: 'blocked', now: 100, until: 99_999, reason: 'code_131057' },
      { kind: 'blocked', now: 100, until: null, reason: 'code_190' },
    ]
    const { pacer } = pacerOf(replies)
    const waits = []
    for (const _ of replies) waits.push(await pacer.ask(3))
    expect(waits).toEqual([5, 5, 1_000, 1_000].map((ms) => ({ kind: 'wait', ms })))
  })

  test('asks nobody while claiming is forbidden', async () => {
    let forbidden = true
    const { pacer, asked } = pacerOf([SLOTS], { forbidden: () => forbidden })
    expect(await pacer.ask(3)).toMatchObject({ kind: 'wait' })
    expect(asked).toHaveLength(0)
    forbidden = false
    expect(await slotsOf(pacer, 3)).toHaveLength(3)
  })

  test('no more places need be held for slots than are handed out at once', () => {
    expect(pacerOf([SLOTS], { messagesPerSecond: 10 }).pacer.mostAtOnce()).toBe(4)
    expect(pacerOf([SLOTS], { messagesPerSecond: 5_000 }).pacer.mostAtOnce()).toBe(Infinity)
  })
})
