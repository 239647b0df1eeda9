import type { Slot } from '@chasqui/delivery'
import { describe, expect, test } from 'vitest'

import { Capacity } from './capacity.ts'
import type { PaceAnswer } from './pacer.ts'
import { Shares } from './shares.ts'
import { Turns } from './turns.ts'

const NEVER = new AbortController().signal
const slots = (count: number): Slot[] =>
  Array.from({ length: count }, (_, at) => ({ at, latest: Infinity, latestByWall: Infinity }))

/** Turns over a pacer that answers when it is told to, and room for `places`. */
function turnsOf(places = 1_000, atOnce = 1_000) {
  const asked: number[] = []
  const troubles: unknown[] = []
  const returned: Slot[] = []
  const answers: Array<PromiseWithResolvers<PaceAnswer>> = []
  const told: Array<() => void> = []
  const capacity = new Capacity(places, () => 0)
  const shares = new Shares()
  const turns = new Turns({
    capacity,
    shares,
    pacer: {
      ask: async (most) => {
        asked.push(most)
        const answer = Promise.withResolvers<PaceAnswer>()
        answers.push(answer)
        for (const tell of told.splice(0)) tell()
        return await answer.promise
      },
      giveBack: (spare) => void returned.push(...spare),
      mostAtOnce: () => atOnce,
    },
    now: () => 0,
    onTrouble: (error) => troubles.push(error),
  })
  /** The question that is asked now, or the next one. */
  const question = async (): Promise<PromiseWithResolvers<PaceAnswer>> => {
    while (answers.length === 0) await new Promise<void>((resolve) => told.push(resolve))
    return answers.shift() ?? Promise.withResolvers<PaceAnswer>()
  }
  return { turns, shares, capacity, asked, troubles, returned, question }
}

test('a turn is so many slots as are there, and as many places are held', async () => {
  const { turns, question, capacity } = turnsOf()
  const taking = turns.take('a', 10, NEVER)
  ;(await question()).resolve({ kind: 'slots', slots: slots(3) })
  expect(await taking).toHaveLength(3)
  expect(capacity.taken).toBe(3)
})

test('who has the better claim gets the slots, also when it came after they were asked for', async () => {
  const { turns, shares, question } = turnsOf()
  shares.enter('old', 2, 0)
  shares.charge('old', 100, 0)
  const old = turns.take('old', 10, NEVER)
  const pending = await question()
  shares.enter('new', 2, 0)
  const young = turns.take('new', 10, NEVER)
  pending.resolve({ kind: 'slots', slots: slots(10) })
  expect(await young).toHaveLength(10)
  ;(await question()).resolve({ kind: 'slots', slots: slots(10) })
  expect(await old).toHaveLength(10)
})

test('what one does not want goes to the next, and what nobody wants goes back', async () => {
  const { turns, shares, question, returned, capacity } = turnsOf()
  shares.enter('a', 2, 0)
  shares.charge('a', 100, 0)
  const stop = new AbortController()
  const first = turns.take('a', 9, NEVER)
  const third = turns.take('c', 9, stop.signal)
  const pending = await question()
  shares.enter('b', 2, 0)
  const second = turns.take('b', 2, NEVER)
  stop.abort()
  pending.resolve({ kind: 'slots', slots: slots(9) })
  expect((await Promise.all([first, second, third])).map(({ length }) => length)).toEqual([7, 2, 0])
  const alone = turns.take('a', 5, NEVER)
  const next = await question()
  const fewer = turns.take('b', 2, NEVER)
  next.resolve({ kind: 'slots', slots: slots(2) })
  expect(await fewer).toHaveLength(2)
  ;(await question()).resolve({ kind: 'slots', slots: slots(5) })
  expect(await alone).toHaveLength(5)
  expect([returned.length, capacity.taken]).toEqual([0, 16])
})

test('slots that come when nobody waits any more go back', async () => {
  const { turns, question, returned, capacity } = turnsOf()
  const stop = new AbortController()
  const taking = turns.take('a', 4, stop.signal)
  const pending = await question()
  stop.abort()
  pending.resolve({ kind: 'slots', slots: slots(4) })
  await expect.poll(() => returned).toHaveLength(4)
  expect([await taking, capacity.taken]).toEqual([[], 0])
})

test('slots without a recipient go back, with their places and their share', async () => {
  const { turns, shares, question, returned, capacity } = turnsOf()
  shares.enter('a', 2, 0)
  const taking = turns.take('a', 4, NEVER)
  ;(await question()).resolve({ kind: 'slots', slots: slots(4) })
  turns.giveBack('a', (await taking).slice(1))
  expect([returned.length, capacity.taken]).toEqual([3, 1])
})

describe('while the sender rests', () => {
  test('no places are held: they are all senders’', async () => {
    const { turns, question, capacity } = turnsOf(10)
    const stop = new AbortController()
    const taking = turns.take('a', 10, stop.signal)
    ;(await question()).resolve({ kind: 'wait', ms: 60_000 })
    await expect.poll(() => capacity.taken).toBe(0)
    stop.abort()
    expect(await taking).toEqual([])
  })

  test('whoever comes after all have given up does not wait for its end', async () => {
    const { turns, question } = turnsOf()
    const stop = new AbortController()
    const first = turns.take('a', 10, stop.signal)
    ;(await question()).resolve({ kind: 'wait', ms: 60_000 })
    await new Promise((resolve) => setImmediate(resolve))
    stop.abort()
    expect(await first).toEqual([])
    const second = turns.take('b', 10, NEVER)
    ;(await question()).resolve({ kind: 'slots', slots: slots(1) })
    expect(await second).toHaveLength(1)
  })
})

test('not more places are held than slots can come at once', async () => {
  const { turns, question, asked } = turnsOf(1_000, 4)
  const taking = turns.take('a', 250, NEVER)
  ;(await question()).resolve({ kind: 'slots', slots: slots(4) })
  await taking
  expect(asked).toEqual([4])
})

test('a question that fails is told and asked again, and its places are free meanwhile', async () => {
  const { turns, question, troubles, capacity } = turnsOf()
  const taking = turns.take('a', 10, NEVER)
  ;(await question()).reject(new Error('Connection is closed.'))
  await expect.poll(() => troubles).toHaveLength(1)
  expect(capacity.taken).toBe(0)
  ;(await question()).resolve({ kind: 'slots', slots: slots(2) })
  expect(await taking).toHaveLength(2)
})

test('who is told to stop before it asks takes nothing', async () => {
  const { turns, asked } = turnsOf()
  const stop = new AbortController()
  stop.abort()
  expect([await turns.take('a', 10, stop.signal), asked]).toEqual([[], []])
})

test('where a limit is never reached, two questions are on their way for two that wait, and none for nobody', async () => {
  const { turns, question, asked } = turnsOf(1_000, Infinity)
  const taking = Array.from({ length: 4 }, async () => await turns.take('a', 10, NEVER))
  const [first, second] = [await question(), await question()]
  expect(asked).toEqual([10, 10])
  for (const one of [second, first]) one.resolve({ kind: 'slots', slots: slots(10) })
  for (const one of [await question(), await question()]) one.resolve({ kind: 'slots', slots: slots(10) })
  expect((await Promise.all(taking)).map(({ length }) => length)).toEqual([10, 10, 10, 10])
  expect(asked).toHaveLength(4)
})
