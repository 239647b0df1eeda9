import type { Slot } from '@chasqui/delivery'
import type { SlotReply, SlotRequest } from '@chasqui/store'
import { describe, expect, test } from 'vitest'

import { Pacer } from './pacer.ts'

/** Redis' clock is so much ahead of the monotonic one, ms. */
const REDIS = 5_000_000
const slotsAt = (nowMs: number, serial = 1): SlotReply => ({
  kind: 'slots',
  now: nowMs + REDIS,
  nowUs: (nowMs + REDIS) * 1_000,
  serial,
  aheadUs: [20_000, 32_500, 45_000],
  limit: 80,
})
const SLOTS = slotsAt(1_000)
const wait = (waitMs: number): SlotReply => ({ kind: 'wait', now: 0, nowUs: REDIS * 1_000, waitMs })

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
  test('are moments from which on a message may leave', async () => {
    const { pacer } = pacerOf([SLOTS])
    const slots = await slotsOf(pacer, 3)
    expect(slots.map(({ at }) => at)).toEqual([1_020, 1_032.5, 1_045])
  })

  test('of a limit that milliseconds cannot break do not end', async () => {
    const unpaced: SlotReply = { kind: 'unpaced', now: 0, count: 1_000, limit: 5_000 }
    const { pacer, asked, clock } = pacerOf([unpaced], { messagesPerSecond: 5_000 })
    const slots = await slotsOf(pacer, 3)
    const [slot] = slots
    if (slot === undefined) throw new Error('no slot')
    expect([pacer.missed(slot), pacer.missed(slot), slot.latest]).toEqual([false, false, Infinity])
    // Many are asked for at once, and used up before Redis is asked again, unless they have grown old.
    pacer.giveBack(slots)
    expect(await slotsOf(pacer, 400)).toHaveLength(400)
    expect(await slotsOf(pacer, 700)).toHaveLength(600)
    expect(asked).toMatchObject([{ paced: false, leadMs: 0, wanted: 1_000 }])
    await slotsOf(pacer, 3)
    clock.now += 151
    await slotsOf(pacer, 3)
    expect(asked).toHaveLength(3)
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

  test('are used by what leaves in time, each once, and missed by what is late; both are told', async () => {
    const { pacer, asked, clock } = pacerOf([SLOTS, slotsAt(2_000, 2)])
    const [first, second, third] = await slotsOf(pacer, 3)
    if (first === undefined || second === undefined || third === undefined) throw new Error('three slots')
    clock.now = 1_024
    expect([pacer.missed(first), pacer.missed(first)]).toEqual([false, true])
    clock.now = 1_050
    expect(pacer.missed(third)).toBe(false)
    clock.now = 2_000
    expect(pacer.missed(second)).toBe(true)
    await slotsOf(pacer, 3)
    expect(asked.map(({ told }) => told)).toEqual([
      [],
      [
        {
          serial: 1,
          nowUs: (1_000 + REDIS) * 1_000,
          slots: [
            [20_000, 24_000],
            [32_500, null],
            [45_000, 50_000],
          ],
        },
      ],
    ])
  })
})

describe('asking', () => {
  test('names how many, and the limit of now', async () => {
    const { pacer, asked } = pacerOf([SLOTS], { messagesPerSecond: 250 })
    await slotsOf(pacer, 40)
    expect(asked).toEqual([expect.objectContaining({ sender: 's', wanted: 40, messagesPerSecond: 250, paced: true })])
  })

  test('a Redis far away is asked for slots behind the claim’s two round trips, in the nearer half of the way ahead', async () => {
    const { pacer, asked } = pacerOf([SLOTS], { roundTripMs: 200 })
    await slotsOf(pacer, 3)
    await slotsOf(pacer, 3)
    const [near, far] = asked
    expect([near?.leadMs, near?.horizonMs]).toEqual([10, 150])
    expect(far).toMatchObject({ leadMs: 410 })
    expect(far?.horizonMs).toBeGreaterThan(2 * 410)
  })

  test('says how long a sender rests or is blocked, but never for so long that its end would not be seen', async () => {
    const replies: SlotReply[] = [
      wait(5),
      { kind: 'blocked', now: 100, until: 105, reason: 'code_131057' },
      { kind: 'blocked', now: 100, until: 99_999, reason: 'code_131057' },
      { kind: 'blocked', now: 100, until: null, reason: 'code_190' },
    ]
    const { pacer } = pacerOf(replies)
    const waits = []
    for (const _ of replies) waits.push(await pacer.ask(3))
    expect(waits).toEqual([5, 5, 1_000, 1_000].map((ms) => ({ kind: 'wait', ms })))
  })

  test('is repeated soon after the last slot of a grant, for others may wait for what it used', async () => {
    const { pacer, clock } = pacerOf([SLOTS, wait(900)])
    await slotsOf(pacer, 3)
    expect(await pacer.ask(3)).toEqual({ kind: 'wait', ms: 55 })
    clock.now = 1_040
    expect(await pacer.ask(3)).toEqual({ kind: 'wait', ms: 50 })
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
    expect(pacerOf([SLOTS], { messagesPerSecond: 10 }).pacer.mostAtOnce()).toBe(3)
    expect(pacerOf([SLOTS], { messagesPerSecond: 5_000 }).pacer.mostAtOnce()).toBe(Infinity)
  })
})
