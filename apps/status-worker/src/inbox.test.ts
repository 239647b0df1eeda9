import { describe, expect, test } from 'vitest'

import { Inbox } from './inbox.ts'

/** A store that answers when it is told to, and remembers what it was given. */
function manualStore() {
  const writes: { readonly bodies: readonly string[]; readonly done: () => void; readonly fail: (e: Error) => void }[] =
    []
  const store = async (bodies: readonly Buffer[]): Promise<void> =>
    await new Promise((done, fail) => writes.push({ bodies: bodies.map(String), done, fail }))
  return { writes, store }
}

const body = (text: string): Buffer => Buffer.from(text)

describe('the inbox', () => {
  test('a body is taken in when its own write is done, not before', async () => {
    const { writes, store } = manualStore()
    const inbox = new Inbox(store)
    let taken = false
    const first = inbox.take(body('a')).then((kind) => {
      taken = true
      return kind
    })
    await Promise.resolve()
    expect(taken).toBe(false)
    writes[0]?.done()
    expect(await first).toBe('stored')
  })

  test('bodies that come while two writes are on their way share the next one, in their order', async () => {
    const { writes, store } = manualStore()
    const inbox = new Inbox(store)
    const taken = ['a', 'b', 'c', 'd', 'e'].map(async (text) => await inbox.take(body(text)))
    expect(writes.map(({ bodies }) => bodies)).toEqual([['a'], ['b']])
    writes[0]?.done()
    await taken[0]
    await Promise.resolve()
    expect(writes.map(({ bodies }) => bodies)).toEqual([['a'], ['b'], ['c', 'd', 'e']])
    for (const { done } of writes) done()
    expect(await Promise.all(taken)).toEqual(Array(5).fill('stored'))
  })

  test('one entry is bounded in number and in bytes; one large body is an entry of its own', async () => {
    const { writes, store } = manualStore()
    const inbox = new Inbox(store)
    const sizes = [1, 1, 400_000, 400_000, 3_000_000, ...Array.from({ length: 450 }, () => 10)]
    const taken = sizes.map(async (size) => await inbox.take(Buffer.alloc(size, 'x')))
    for (let index = 0; index < writes.length; index += 1) {
      writes[index]?.done()
      // The next entry is made up once this one is done.
      await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(taken)
    expect(writes.slice(2).map(({ bodies }) => bodies.length)).toEqual([1, 1, 1, 200, 200, 50])
  })

  test('when a write fails, those that wait behind it are told at once, and the next body is tried again', async () => {
    const { writes, store } = manualStore()
    const inbox = new Inbox(store)
    const taken = ['a', 'b', 'c'].map(async (text) => await inbox.take(body(text)))
    writes[0]?.fail(new Error('Connection is closed.'))
    const [first, , third] = taken
    await expect(first).rejects.toThrow('Connection is closed.')
    await expect(third).rejects.toThrow('Connection is closed.')
    writes[1]?.done()
    expect(await taken[1]).toBe('stored')
    const next = inbox.take(body('d'))
    writes[2]?.done()
    expect(await next).toBe('stored')
  })

  test('what waits is bounded, in number and in bytes; beyond it the sender is asked to come back', async () => {
    const { writes, store } = manualStore()
    const many = new Inbox(store)
    const taken = Array.from({ length: 5_000 }, async () => await many.take(body('x')))
    expect(await many.take(body('x'))).toBe('too_busy')
    writes[0]?.done()
    await taken[0]
    // The place of the one that is stored is free again.
    void many.take(body('x'))
    expect(await many.take(body('x'))).toBe('too_busy')

    const large = new Inbox(store)
    for (let count = 0; count < 16; count += 1) void large.take(Buffer.alloc(4 * 1024 * 1024))
    expect(await large.take(body('x'))).toBe('too_busy')
  })
})
