import { expect, test } from 'vitest'

import { Connections } from './connections.ts'
import type { Connection } from './connections.ts'

type Held = { readonly close: () => void }

function connectionsOf(most: number) {
  const connections = new Connections<Held>(most, (close) => ({ close }))
  /** As many as are to be had now. */
  const takeAll = (): Array<Connection<Held>> => {
    const taken: Array<Connection<Held>> = []
    for (let one = connections.take(); one !== null; one = connections.take()) taken.push(one)
    return taken
  }
  return { connections, takeAll }
}

test('few at first, and twice as many whenever all have answered, up to the most', () => {
  const { connections, takeAll } = connectionsOf(100)
  const seen: number[] = []
  for (let round = 0; round < 5; round++) {
    const taken = takeAll()
    seen.push(taken.length)
    for (const one of taken) connections.giveBack(one, true)
  }
  expect(seen).toEqual([16, 32, 64, 100, 100])
  expect(connections.all).toHaveLength(100)
})

test('no more where nobody answers', () => {
  const { connections, takeAll } = connectionsOf(100)
  for (let round = 0; round < 3; round++) for (const one of takeAll()) connections.giveBack(one, false)
  expect(connections.all).toHaveLength(16)
})

test('those that answer are used while others are waited for', () => {
  const { connections, takeAll } = connectionsOf(100)
  const [first, ...silent] = takeAll()
  if (first === undefined) throw new Error('there is one')
  connections.giveBack(first, true)
  for (let turn = 0; turn < 5; turn++) {
    expect(connections.take()).toBe(first)
    connections.giveBack(first, true)
  }
  expect(silent).toHaveLength(15)
})

test('one that was closed counts as new, whether it was in use then or not', () => {
  const { connections, takeAll } = connectionsOf(100)
  for (const one of takeAll()) connections.giveBack(one, true)
  const inUse = takeAll()
  expect(inUse).toHaveLength(32)
  for (const { client } of inUse) client.close()
  for (const one of inUse) connections.putBack(one)
  expect(takeAll()).toHaveLength(16)
  expect(connections.all).toHaveLength(32)
})

test('one that was taken in vain is there for the next', () => {
  const { connections, takeAll } = connectionsOf(1)
  const [only] = takeAll()
  if (only === undefined) throw new Error('there is one')
  connections.putBack(only)
  expect(takeAll()).toEqual([only])
})
