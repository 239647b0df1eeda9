import type { Beat } from '@chasqui/store'
import { afterEach, describe, expect, test } from 'vitest'

import { Guard } from './guard.ts'

const calm: Beat = { epoch: 0, beat: 1, stopped: null, quarantine: null }
const started: Guard[] = []

afterEach(async () => {
  await Promise.all(started.splice(0).map(async (guard) => await guard.stop()))
})

/** A guard that hears these beats, one every half a second; the last of them for ever. An error stands for a Redis that is away. */
function guardOf(...told: readonly (Partial<Beat> | Error)[]): {
  guard: Guard
  changes: (string | null)[]
  quarantines: string[]
  releases: () => number
  troubles: unknown[]
} {
  const changes: (string | null)[] = []
  const quarantines: string[] = []
  const troubles: unknown[] = []
  let beats = 0
  let released = 0
  const guard = new Guard({
    heart: {
      beat: async () => {
        const next = told[Math.min(beats++, told.length - 1)]
        if (next instanceof Error) throw next
        return { ...calm, beat: beats, ...next }
      },
      quarantine: async (why) => void quarantines.push(why),
    },
    onChange: (why) => changes.push(why),
    onBeat: () => {},
    onRelease: () => (released += 1),
    onTrouble: (error) => troubles.push(error),
  })
  started.push(guard)
  return { guard, changes, quarantines, releases: () => released, troubles }
}

test('nothing may be claimed before the first beat, and everything after it', async () => {
  const { guard, changes } = guardOf({})
  expect(guard.forbidden).not.toBeNull()
  await guard.start()
  expect([guard.forbidden, changes]).toEqual([null, [null]])
})

test.each<[string, Partial<Beat>, string]>([
  ['stopped', { stopped: 'drill' }, 'drill'],
  ['quarantined', { quarantine: 'it went backwards' }, 'it went backwards'],
  ['both', { stopped: 'drill', quarantine: 'it went backwards' }, 'it went backwards'],
])('while it is %s nothing may be claimed', async (_what, beat, why) => {
  const { guard } = guardOf(beat)
  await guard.start()
  expect(guard.forbidden).toBe(why)
})

test('it goes on by itself when it is not stopped any more', async () => {
  const { guard, changes } = guardOf({ stopped: 'drill' }, {})
  await guard.start()
  await expect.poll(() => guard.forbidden).toBeNull()
  expect(changes).toEqual(['drill', null])
})

describe('a Redis that has gone backwards', () => {
  test.each<[string, Partial<Beat>, Partial<Beat>]>([
    ['to an earlier beat', { beat: 10 }, { beat: 4 }],
    ['to the same beat', { beat: 10 }, { beat: 10 }],
    ['to an earlier epoch', { epoch: 2, beat: 10 }, { epoch: 1, beat: 90 }],
    ['to nothing', { beat: 10 }, { beat: 1 }],
  ])('%s is quarantined', async (_where, before, after) => {
    const { guard, quarantines } = guardOf(before, after)
    await guard.start()
    await expect.poll(() => quarantines.length, { timeout: 3_000 }).toBeGreaterThan(0)
    expect(guard.forbidden).toMatch(/gone backwards/)
  })

  test('is trusted again in a new epoch', async () => {
    const { guard, quarantines } = guardOf({ beat: 10 }, { epoch: 1, beat: 2 })
    await guard.start()
    await expect.poll(() => guard.forbidden).toBeNull()
    expect(quarantines).toEqual([])
  })
})

describe('a ledger that a claim found to have gone backwards', () => {
  test('forbids at once, and is put under quarantine by the next beat', async () => {
    const { guard, quarantines, releases } = guardOf({})
    await guard.start()
    guard.suspect('it has forgotten claims')
    expect(guard.forbidden).toBe('it has forgotten claims')
    await expect.poll(() => quarantines, { timeout: 3_000 }).toContain('it has forgotten claims')
    expect([guard.forbidden, releases()]).toEqual(['it has forgotten claims', 0])
  })

  test('was released in the meantime: nobody puts it under quarantine again', async () => {
    const { guard, quarantines, releases } = guardOf({ beat: 10 }, { epoch: 1, beat: 2 })
    await guard.start()
    guard.suspect('it has forgotten claims')
    await expect.poll(() => guard.forbidden, { timeout: 3_000 }).toBeNull()
    expect([quarantines, releases()]).toEqual([[], 1])
  })

  test('a beat under way when the doubts came does not dispel them', async () => {
    const answer = Promise.withResolvers<Beat>()
    const asked = Promise.withResolvers<void>()
    let beats = 0
    const guard = new Guard({
      heart: {
        beat: async () => {
          beats += 1
          if (beats !== 2) return { ...calm, beat: beats }
          asked.resolve()
          return await answer.promise
        },
        quarantine: async () => {},
      },
      onChange: () => {},
      onBeat: () => {},
      onRelease: () => {},
      onTrouble: () => {},
    })
    started.push(guard)
    await guard.start()
    await asked.promise
    guard.suspect('it has forgotten claims')
    answer.resolve({ ...calm, beat: 2 })
    await new Promise((resolve) => setImmediate(resolve))
    expect(guard.forbidden).toBe('it has forgotten claims')
  })
})

test('after the connection broke nothing may be claimed until Redis has been asked again', async () => {
  const { guard, changes } = guardOf({})
  await guard.start()
  guard.connectionLost()
  expect(guard.forbidden).toMatch(/has to be checked/)
  await expect.poll(() => guard.forbidden, { timeout: 3_000 }).toBeNull()
  expect(changes).toEqual([null, expect.stringMatching(/checked/), null])
})

test('a Redis that is away at first is waited for', async () => {
  const { guard, troubles } = guardOf(new Error('Connection is closed.'), {})
  await guard.start()
  expect(guard.forbidden).not.toBeNull()
  await expect.poll(() => guard.forbidden, { timeout: 3_000 }).toBeNull()
  expect(troubles).toHaveLength(1)
})
