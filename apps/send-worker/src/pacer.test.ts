import type { SlotReply, SlotRequest } from '@chasqui/store'
import { describe, expect, test } from 'vitest'

import { Pacer } from './pacer.ts'

const NEVER = new AbortController().signal
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
  const clock = { now: 1_000 }
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
    onReply: () => {},
  })
  return { pacer, asked, clock }
}

describe('slots', () => {
  test('lie evenly from the first on, and each may be used for as long as Redis allows', async () => {
    const { pacer } = pacerOf([SLOTS])
    expect(await pacer.take(3, NEVER)).toEqual([
      { at: 1_020, latest: 1_032 },
      { at: 1_032.5, latest: 1_044.5 },
      { at: 1_045, latest: 1_057 },
    ])
  })

  test('count from the answer, so that none is early, and end counted from the question, so that none is late', async () => {
    const { pacer } = pacerOf([SLOTS], { roundTripMs: 8 })
    expect((await pacer.take(3, NEVER))[0]).toEqual({ at: 1_028, latest: 1_032 })
  })

  test('of a limit that milliseconds cannot break do not end', async () => {
    const { pacer } = pacerOf([SLOTS], { messagesPerSecond: 5_000 })
    expect((await pacer.take(3, NEVER))[0]?.latest).toBe(Infinity)
  })

  test('that found no recipient are used before Redis is asked for others, earliest first', async () => {
    const { pacer, asked } = pacerOf([SLOTS])
    const [first, second, third] = await pacer.take(3, NEVER)
    if (first === undefined || second === undefined || third === undefined) throw new Error('three slots')
    pacer.giveBack([third, first])
    expect(await pacer.take(1, NEVER)).toEqual([first])
    expect(await pacer.take(9, NEVER)).toEqual([third])
    expect(asked).toHaveLength(1)
  })

  test('that were given back too late are not used', async () => {
    const { pacer, asked, clock } = pacerOf([SLOTS])
    pacer.giveBack(await pacer.take(3, NEVER))
    clock.now += 10_000
    await pacer.take(1, NEVER)
    expect(asked).toHaveLength(2)
  })

  test('are missed by what leaves after their end, and that is learned from', async () => {
    const { pacer, asked, clock } = pacerOf([SLOTS])
    const slot = { at: 1_000, latest: 1_012 }
    clock.now = 1_012
    expect(pacer.missed(slot)).toBe(false)
    clock.now = 1_060
    for (let times = 0; times < 300; times++) expect(pacer.missed(slot)).toBe(true)
    await pacer.take(1, NEVER)
    expect(asked.at(-1)?.lateMs).toBe(60)
  })
})

describe('asking', () => {
  test('names how many, the limit of now, and how late messages of this process are', async () => {
    const { pacer, asked } = pacerOf([SLOTS], { messagesPerSecond: 250 })
    await pacer.take(40, NEVER)
    expect(asked).toEqual([expect.objectContaining({ sender: 's', wanted: 40, messagesPerSecond: 250, lateMs: 12 })])
  })

  test('a Redis far away is asked for slots behind the claim’s two round trips, in the nearer half of the way ahead', async () => {
    const { pacer, asked } = pacerOf([SLOTS], { roundTripMs: 200 })
    await pacer.take(3, NEVER)
    await pacer.take(3, NEVER)
    const [near, far] = asked
    expect([near?.leadMs, near?.horizonMs]).toEqual([10, 250])
    expect(far).toMatchObject({ leadMs: 410, lateMs: 212 })
    expect(far?.horizonMs).toBeGreaterThan(2 * 410)
  })

  test('those who ask at once are asked for one after the other', async () => {
    const { pacer, asked } = pacerOf([SLOTS])
    const taken = await Promise.all([pacer.take(3, NEVER), pacer.take(3, NEVER)])
    expect([taken.map((slots) => slots.length), asked.length]).toEqual([[3, 3], 2])
  })

  test('waits while the sender rests or is blocked, and goes on by itself', async () => {
    const now = 0
    const replies: SlotReply[] = [
      { kind: 'wait', now, waitMs: 5 },
      { kind: 'blocked', now: 100, until: 105, reason: 'code_131057' },
      SLOTS,
    ]
    const { pacer, asked } = pacerOf(replies)
    expect(await pacer.take(3, NEVER)).toHaveLength(3)
    expect(asked).toHaveLength(3)
  })

  test('asks nobody while claiming is forbidden', async () => {
    let forbidden = true
    const { pacer, asked } = pacerOf([SLOTS], { forbidden: () => forbidden })
    const taking = pacer.take(3, NEVER)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(asked).toHaveLength(0)
    forbidden = false
    expect(await taking).toHaveLength(3)
  })

  test('ends without a slot when it is told to stop, also in the middle of a wait', async () => {
    const { pacer } = pacerOf([{ kind: 'blocked', now: 0, until: null, reason: 'code_190' }])
    const stop = new AbortController()
    const taking = pacer.take(3, stop.signal)
    const behind = pacer.take(3, stop.signal)
    stop.abort()
    expect(await Promise.all([taking, behind])).toEqual([[], []])
  })

  test('a question that fails leaves the way free for the next', async () => {
    let fail = true
    const pacer = new Pacer({
      senders: {
        grantSlots: async () => {
          if (fail) throw new Error('Connection is closed.')
          return SLOTS
        },
      },
      sender: 's',
      messagesPerSecond: () => 80,
      forbidden: () => false,
      now: () => 1_000,
      onReply: () => {},
    })
    await expect(pacer.take(1, NEVER)).rejects.toThrow('Connection is closed.')
    fail = false
    expect(await pacer.take(3, NEVER)).toHaveLength(3)
  })
})
