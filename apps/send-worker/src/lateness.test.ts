import { expect, test } from 'vitest'

import { Lateness } from './lateness.ts'

const NOW = 100_000

function wishAfter(...lates: readonly number[]): number {
  const lateness = new Lateness()
  for (const late of lates) lateness.note(late, NOW)
  return lateness.wish(NOW)
}

const times = (count: number, ms: number): number[] => Array.from({ length: count }, () => ms)

test('a process that is on time asks for little, and for no less than that', () => {
  expect(wishAfter()).toBe(8)
  expect(wishAfter(...times(300, 0))).toBe(8)
  expect(wishAfter(...times(300, -5))).toBe(8)
})

test('a process that is late asks for what uses most of the limit: room for the many, not for the few', () => {
  expect(wishAfter(...times(300, 40))).toBe(40)
  // Three in a hundred slots lost are less than what 90 ms of room would cost, a fifth of them is more.
  expect(wishAfter(...times(248, 5), ...times(8, 90))).toBe(8)
  expect(wishAfter(...times(200, 5), ...times(56, 90))).toBe(90)
})

test('a few late messages at the beginning are no habit', () => {
  expect(wishAfter(80, 60)).toBe(8)
})

test('a process that is far too late loses slots rather than slow everybody down', () => {
  expect(wishAfter(...times(300, 5_000))).toBeLessThanOrEqual(150)
  expect(wishAfter(...times(200, 140), ...times(56, 5_000))).toBe(140)
})

test('what was long ago, or many messages ago, is forgotten', () => {
  expect(wishAfter(...times(300, 80), ...times(256, 1))).toBe(8)
  const lateness = new Lateness()
  for (const late of times(300, 80)) lateness.note(late, NOW)
  expect([lateness.wish(NOW + 9_000), lateness.wish(NOW + 11_000)]).toEqual([80, 8])
})
