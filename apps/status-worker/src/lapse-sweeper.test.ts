import { describe, expect, test } from 'vitest'

import { nextLook } from './lapse-sweeper.ts'

const HOUR = 3_600_000
const DAY = 86_400_000
const NOW = 1_790_000_000_000

describe('a campaign is looked at again', () => {
  test('when its next chunk has outlived its TTL and the time for late webhooks', () => {
    expect(nextLook(NOW, null, NOW + 1_000, 60_000)).toBe(NOW + 61_000)
  })

  test('within the hour while it lives, within a day after its end: a claim or a status may set a new time', () => {
    expect(nextLook(NOW, null, null, HOUR)).toBe(NOW + HOUR)
    expect(nextLook(NOW, null, NOW + 30 * DAY, HOUR)).toBe(NOW + HOUR)
    expect(nextLook(NOW, NOW - DAY, NOW + 30 * DAY, HOUR)).toBe(NOW + DAY)
    expect(nextLook(NOW, NOW - 38 * DAY, null, HOUR)).toBe(NOW + DAY)
  })

  test('never again when no webhook about it can come any more', () => {
    expect(nextLook(NOW, NOW - 39 * DAY, null, HOUR)).toBeNull()
  })
})
