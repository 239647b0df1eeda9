import { expect, test } from 'vitest'

import { Paces } from './pace.ts'

test('the pace is what was done over the time it took, a second', () => {
  const paces = new Paces()
  paces.note('a', 0, 100)
  paces.note('a', 2_000, 300)
  paces.note('a', 10_000, 1_100)
  expect(paces.of('a')).toBe(100)
})

test('what is older than a minute does not count', () => {
  const paces = new Paces()
  paces.note('a', 0, 0)
  paces.note('a', 30_000, 60_000)
  paces.note('a', 90_000, 60_600)
  expect(paces.of('a')).toBe(10)
})

test('one look, a campaign never seen, and recipients that were added tell no pace', () => {
  const paces = new Paces()
  paces.note('a', 0, 100)
  expect(paces.of('a')).toBe(0)
  expect(paces.of('b')).toBe(0)
  paces.note('a', 1_000, 40)
  expect(paces.of('a')).toBe(0)
})

test('campaigns out of sight are forgotten', () => {
  const paces = new Paces()
  for (const campaign of ['a', 'b']) {
    paces.note(campaign, 0, 0)
    paces.note(campaign, 1_000, 10)
  }
  paces.keepOnly(new Set(['b']))
  expect([paces.of('a'), paces.of('b')]).toEqual([0, 10])
})
