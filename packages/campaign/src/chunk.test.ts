import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { packChunk, unpackChunk } from './chunk.ts'
import type { Chunk } from './chunk.ts'

/** Values of every kind: what JSON escapes, what looks like the structure around it, nothing at all. */
const value = fc.oneof(
  { arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }), weight: 6 },
  {
    arbitrary: fc.constantFrom('', ',', '","', '"],["', ']', '],"refs":null,"columns":[["', '\\', '\ud800', 'né 🎉'),
    weight: 1,
  },
)
const chunk = fc
  .record({
    names: fc.uniqueArray(fc.oneof(value, fc.constantFrom('to', 'refs', 'columns')), { maxLength: 4 }),
    rows: fc.nat(6),
    withRefs: fc.boolean(),
  })
  .chain(({ names, rows, withRefs }) => {
    const each = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { minLength: rows, maxLength: rows })
    const columns = fc.array(each(value), { minLength: names.length, maxLength: names.length })
    const refs = withRefs ? each(fc.option(value)) : fc.constant(null)
    return fc.record<Chunk>({ names: fc.constant(names), to: each(fc.nat(999_999_999_999_999)), refs, columns })
  })

describe('a chunk', () => {
  test('is unpacked as it was packed, whatever its values are', () => {
    fc.assert(
      fc.property(chunk, (packed) => {
        expect(unpackChunk(packChunk(packed).json)).toEqual(packed)
      }),
      { numRuns: 1_000 },
    )
  })

  test('is unpacked in whatever order and with whatever spaces it was written', () => {
    const packed = { columns: [['Ana', 'Zé']], names: ['first'], refs: null, to: [551, 552] }
    expect(unpackChunk(JSON.stringify(packed))).toEqual(packed)
    expect(unpackChunk(JSON.stringify(packed, null, 1))).toEqual(packed)
  })

  test.each([
    '',
    'null',
    '[]',
    '{"names":["a"],"to":[1],"columns":[["x"]]}',
    '{"names":["a"],"to":[1],"refs":null,"columns":[["x',
  ])('is none: %s', (text) => {
    expect(() => unpackChunk(text)).toThrow()
  })
})
