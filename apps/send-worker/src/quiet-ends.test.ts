import { expect, test } from 'vitest'

import { QuietEnds } from './quiet-ends.ts'

const WINDOW = 1_000

/** A campaign with 40 accepted and one lost answer, of all of whom webhooks have told. */
function endOf() {
  const world = { now: 100_000, nothingOpen: true, unknown: 1, accepted: 40, toldAtMost: 40, allTold: true, scans: 0 }
  const ends = new QuietEnds(
    {
      progress: async () => world,
      ofAllAccepted: async () => {
        world.scans += 1
        return world.allTold
      },
    },
    WINDOW,
    () => world.now,
  )
  const look = async (webhooksUntil: number) => await ends.look('c', { webhooksUntil, steadyForMs: 1_000_000 })
  return { world, ends, look }
}

test('a window after the sighting it says what was not taken, and goes on with the next sighting', async () => {
  const { world, look } = endOf()
  expect(await look(90_000)).toBeUndefined()
  world.now += WINDOW - 1
  expect(await look(95_000)).toBeUndefined()
  world.now += 1
  expect(await look(95_000)).toEqual({ until: 90_000, accepted: 40 })
  world.now += WINDOW
  expect(await look(99_000)).toEqual({ until: 95_000, accepted: 40 })
  expect(world.scans).toBe(3)
})

test('as long as somebody is not told of there is no sighting; the ledger is not gone through at every look', async () => {
  const { world, look } = endOf()
  world.allTold = false
  for (let looks = 0; looks < 20; looks++) {
    expect(await look(90_000)).toBeUndefined()
    world.now += WINDOW / 10
  }
  expect(world.scans).toBeLessThanOrEqual(8)
  world.toldAtMost = 39
  const { scans } = world
  world.now += WINDOW
  await look(90_000)
  expect(world.scans).toBe(scans)
})

test('whoever is open again, or gone, is forgotten', async () => {
  const { world, ends, look } = endOf()
  await look(90_000)
  world.nothingOpen = false
  await look(90_000)
  world.nothingOpen = true
  world.now += WINDOW
  expect(await look(90_000)).toBeUndefined()
  ends.keepOnly(new Set())
  world.now += WINDOW
  expect(await look(90_000)).toBeUndefined()
})
