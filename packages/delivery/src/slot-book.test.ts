import { describe, expect, test } from 'vitest'

import { PERMIT_LATE_US } from './permits.ts'
import { SlotBook } from './slot-book.ts'
import type { Slot } from './slot-book.ts'

const LATE_MS = PERMIT_LATE_US / 1_000
/** Redis' clock is ahead of the monotonic one by this, the machine's by that, ms. */
const REDIS = 5_000_000
const WALL = 1_000_000

const at = (now: number, wall = now + WALL) => ({ now, wall })

function booked(aheadMs: readonly number[], { askedAt = 100, receivedAt = 100 } = {}) {
  const book = new SlotBook()
  const grant = { serial: 7, nowUs: (100 + REDIS) * 1_000, aheadUs: aheadMs.map((ms) => ms * 1_000) }
  const slots = book.granted(at(askedAt), at(receivedAt), grant)
  const slot = (index: number): Slot => slots[index] ?? { at: NaN, latest: NaN, latestByWall: NaN }
  return { book, slot }
}

describe('a slot', () => {
  test('may be used from its moment on, for 0.3 s', () => {
    const { slot } = booked([20, 45])
    expect(slot(0)).toMatchObject({ at: 120, latest: 120 + LATE_MS, latestByWall: WALL + 120 + LATE_MS + 1 })
    expect(slot(1)).toMatchObject({ at: 145 })
  })

  test('begins when it certainly has, and ends before it possibly is over', () => {
    const { slot } = booked([20], { askedAt: 96, receivedAt: 108 })
    expect(slot(0).at).toBe(128)
    expect(slot(0).latest).toBe(116 + LATE_MS)
  })

  test('is used once', () => {
    const { book, slot } = booked([20])
    expect(book.use(slot(0), 121, WALL + 121)).toBe(true)
    expect(book.use(slot(0), 121, WALL + 121)).toBe(false)
  })

  test('is over after 0.3 s, by the monotonic clock or the machine’s', () => {
    const { book, slot } = booked([20])
    expect(book.use(slot(0), 120 + LATE_MS + 1, WALL + 121)).toBe(false)
    // Suspended: the monotonic clock stood still.
    expect(book.use(slot(0), 121, WALL + 120 + LATE_MS + 2)).toBe(false)
  })

  test('is over when the machine’s clock was set back: it hides a suspension', () => {
    const { book, slot } = booked([20, 25])
    // Both clocks are read one after the other, and one tells whole milliseconds.
    expect(book.use(slot(0), 121, WALL + 119)).toBe(true)
    expect(book.use(slot(1), 126, WALL + 123.9)).toBe(false)
    const meanwhile = new SlotBook()
    const grant = { serial: 7, nowUs: (100 + REDIS) * 1_000, aheadUs: [20_000] }
    const [only] = meanwhile.granted(at(100), at(110, WALL - 3_600_000), grant)
    expect(meanwhile.use(only ?? slot(0), 121, WALL - 3_600_000)).toBe(false)
    expect(meanwhile.told(121, WALL - 3_600_000)[0]?.slots).toEqual([[20_000, null]])
  })

  test('that was told is not used, whatever the clocks say then', () => {
    const { book, slot } = booked([20])
    // A clock set forward and back again.
    expect(book.told(121, WALL + 3_600_000)[0]?.slots).toEqual([[20_000, null]])
    expect(book.use(slot(0), 122, WALL + 122)).toBe(false)
  })
})

describe('what is told', () => {
  test('is when each message left by Redis’ clock, once all of a grant’s slots are used', () => {
    const { book, slot } = booked([20, 45])
    book.use(slot(0), 123, WALL + 123)
    expect(book.told(130, WALL + 130)).toEqual([])
    book.use(slot(1), 150, WALL + 150)
    const [told] = book.told(151, WALL + 151)
    expect(told).toMatchObject({ serial: 7, nowUs: (100 + REDIS) * 1_000 })
    expect(told?.slots).toEqual([
      [20_000, 23_000],
      [45_000, 50_000],
    ])
    expect(book.told(151, WALL + 151)).toEqual([])
  })

  test('is that no message left, when a slot is over', () => {
    const { book, slot } = booked([20, 45])
    book.use(slot(1), 150, WALL + 150)
    expect(book.told(120 + LATE_MS, WALL + 120 + LATE_MS)).toEqual([])
    expect(book.told(121 + LATE_MS, WALL + 121 + LATE_MS)[0]?.slots).toEqual([
      [20_000, null],
      [45_000, 50_000],
    ])
  })

  test('is never too early: an answer that lay unread, and a suspension, count as late', () => {
    const slow = booked([20], { askedAt: 96, receivedAt: 108 })
    slow.book.use(slow.slot(0), 128, WALL + 128)
    expect(slow.book.told(129, WALL + 129)[0]?.slots).toEqual([[20_000, 32_000]])

    const suspended = booked([20])
    suspended.book.use(suspended.slot(0), 121, WALL + 121 + 300)
    expect(suspended.book.told(122, WALL + 422)[0]?.slots).toEqual([[20_000, 320_000]])
  })

  test('may be told when the last slot of a grant has begun', () => {
    const { book, slot } = booked([20, 45])
    expect(book.tellAt).toBe(145)
    for (const index of [0, 1]) book.use(slot(index), 146, WALL + 146)
    book.told(146, WALL + 146)
    expect(book.tellAt).toBeNull()
  })
})

test('a slot of no grant ends, and is nobody’s to tell', () => {
  const book = new SlotBook()
  const slot = { at: 0, latest: 10, latestByWall: Infinity }
  expect([book.use(slot, 5, 0), book.use(slot, 5, 0), book.use(slot, 11, 0)]).toEqual([true, true, false])
  expect(book.told(20, 20)).toEqual([])
})
