import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { packBodies, unpackBodies } from './body-pack.ts'

describe('packed bodies', () => {
  test('come back byte for byte, in their order, empty ones too', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 2_000 }), { maxLength: 30 }), async (contents) => {
        const bodies = contents.map((content) => Buffer.from(content))
        expect(unpackBodies(await packBodies(bodies))).toEqual(bodies)
      }),
    )
  })

  test('also those of 4 MB, packed on another thread', async () => {
    const bodies = [Buffer.alloc(4 * 1024 * 1024, 'x'), Buffer.from('after it')]
    const packed = await packBodies(bodies)
    expect(packed.length).toBeLessThan(10_000)
    expect(unpackBodies(packed)).toEqual(bodies)
  })

  test('what is no pack is refused, and so is what would not fit into memory', async () => {
    expect(() => unpackBodies(Buffer.from('no pack'))).toThrow()
    const bomb = await packBodies([Buffer.alloc(9 * 1024 * 1024)])
    expect(() => unpackBodies(bomb)).toThrow()
  })
})
