import { expect, test } from 'vitest'

import { Lateness } from './lateness.ts'

function wishAfter(...lates: readonly number[]): number {
  const lateness = new Lateness()
  for (const late of lates) lateness.note(late)
  return lateness.wish()
}

const times = (count: number, ms: number): number[] => Array.from({ length: count }, () => ms)

test('a process that is on time asks for little, and for no less than that', () => {
  expect(wishAfter()).toBe(12)
  expect(wishAfter(...times(300, 0))).toBe(12)
  expect(wishAfter(...times(300, -5))).toBe(12)
})

test('a process that is late asks for what nearly all of its messages need', () => {
  expect(wishAfter(...times(300, 40))).toBe(40)
  expect(wishAfter(...times(253, 5), ...times(3, 90))).toBe(12)
  expect(wishAfter(...times(200, 5), ...times(56, 90))).toBe(90)
})

test('a process that is far too late loses slots rather than slow everybody down', () => {
  expect(wishAfter(...times(300, 5_000))).toBe(150)
})

test('what was long ago is forgotten', () => {
  expect(wishAfter(...times(300, 80), ...times(256, 1))).toBe(12)
})
