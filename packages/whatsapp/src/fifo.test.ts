import { expect, test } from 'vitest'

import { Fifo } from './fifo.ts'

test('what came first goes first, however many come and go in between', () => {
  const fifo = new Fifo<number>()
  let came = 0
  let went = 0
  for (const [pushes, shifts] of [
    [1, 1],
    [3, 1],
    [600, 400],
    [100, 250],
    [1, 52],
    [2, 2],
  ] as const) {
    for (let i = 0; i < pushes; i++) fifo.push(came++)
    for (let i = 0; i < shifts; i++) expect(fifo.shift()).toBe(went++)
  }
  expect(went).toBe(706)
  expect(came - went).toBe(1)
  expect([fifo.shift(), fifo.shift()]).toEqual([706, undefined])
})
