import { PassThrough } from 'node:stream'

import { describe, expect, test } from 'vitest'

import { Bodies } from './bodies.ts'
import type { BodyRefusal } from './bodies.ts'

type Outcome = { readonly refusal: BodyRefusal | null; readonly body: string | undefined }

function reading(
  bodies: Bodies,
  declared?: string,
): { readonly stream: PassThrough; readonly outcome: Promise<Outcome> } {
  const stream = new PassThrough()
  const outcome = new Promise<Outcome>((resolve) =>
    bodies.read(stream, declared, (refusal, body) => resolve({ refusal, body: body?.toString() })),
  )
  return { stream, outcome }
}

const limits = { bodyMax: 100, smallMax: 10, largeMax: 50 }

describe('a body', () => {
  test('comes whole, in however many pieces, also when it is empty', async () => {
    const bodies = new Bodies(limits)
    const { stream, outcome } = reading(bodies)
    for (const piece of ['one ', 'two ', 'three']) stream.write(piece)
    stream.end()
    expect(await outcome).toEqual({ refusal: null, body: 'one two three' })
    const empty = reading(bodies)
    empty.stream.end()
    expect(await empty.outcome).toEqual({ refusal: null, body: '' })
  })

  test('declared as too large is refused before it is read, and one that lies about its length when it is too large', async () => {
    expect(await reading(new Bodies(limits), '101').outcome).toMatchObject({ refusal: 'too_large' })
    const lying = reading(new Bodies({ ...limits, largeMax: 1_000 }), '5')
    lying.stream.write('x'.repeat(101))
    expect(await lying.outcome).toMatchObject({ refusal: 'too_large' })
  })

  test('that breaks off is none', async () => {
    const { stream, outcome } = reading(new Bodies(limits))
    stream.write('half')
    stream.destroy()
    expect(await outcome).toEqual({ refusal: 'broken_off', body: undefined })
  })
})

describe('bodies on their way at a time', () => {
  test('hold a bounded number of bytes; small ones are read all the same', async () => {
    const bodies = new Bodies(limits)
    const first = reading(bodies)
    first.stream.write('x'.repeat(60))
    const second = reading(bodies)
    second.stream.write('x'.repeat(11))
    expect(await second.outcome).toMatchObject({ refusal: 'too_busy' })
    const small = reading(bodies)
    small.stream.end('x'.repeat(10))
    expect(await small.outcome).toMatchObject({ refusal: null })
    first.stream.end()
    expect(await first.outcome).toMatchObject({ refusal: null })
  })

  test.each([
    ['read', (stream: PassThrough): unknown => stream.end()],
    ['broken off', (stream: PassThrough): unknown => stream.destroy()],
    ['refused', (stream: PassThrough): unknown => stream.write('x'.repeat(101))],
  ])('give back what they held when they are %s', async (_name, finish) => {
    const bodies = new Bodies(limits)
    for (let round = 0; round < 5; round += 1) {
      const held = reading(bodies)
      held.stream.write('x'.repeat(50))
      finish(held.stream)
      await held.outcome
    }
    const next = reading(bodies)
    next.stream.end('x'.repeat(60))
    expect(await next.outcome).toMatchObject({ refusal: null })
  })
})
