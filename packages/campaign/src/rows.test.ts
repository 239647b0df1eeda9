import fc from 'fast-check'
import { expect, test } from 'vitest'

import { packChunk, pickRows } from './chunk.ts'
import type { Chunk } from './chunk.ts'
import { putNumber, Rows } from './rows.ts'

/** No control characters and no half of a pair: values have none. */
const value = fc
  .oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', '"', '\\', '\\"', '\u2028'),
  )
  .map((text) => text.replaceAll(/[\u0000-\u001f\ud800-\udfff]/gu, ''))
const chunks: fc.Arbitrary<Chunk> = fc
  .record({
    names: fc.uniqueArray(value, { maxLength: 3 }),
    to: fc.array(fc.integer({ min: 0, max: 999_999_999_999_999 }), { minLength: 1, maxLength: 40 }),
    withRefs: fc.boolean(),
  })
  .chain(({ names, to, withRefs }) => {
    const column = fc.array(value, { minLength: to.length, maxLength: to.length })
    const refs = fc.array(fc.option(value), { minLength: to.length, maxLength: to.length })
    return fc.record({
      names: fc.constant(names),
      to: fc.constant(to),
      refs: withRefs ? refs : fc.constant(null),
      columns: fc.tuple(...names.map(() => column)),
    })
  })

function write(rows: Rows, chunk: Chunk, row: number, way: 'write' | 'writeBytes'): void {
  const put = (text: string): void => {
    const bytes = new TextEncoder().encode(`x${text}y`)
    expect(way === 'write' ? rows.write(text) : rows.writeBytes(bytes, 1, bytes.length - 1)).toBe(true)
  }
  for (const column of chunk.columns) put(column[row] ?? '')
  const ref = chunk.refs?.[row] ?? null
  if (ref === null) rows.writeNoRef()
  else put(ref)
}

const textOf = (json: string | Uint8Array): string => (typeof json === 'string' ? json : new TextDecoder().decode(json))

test('chunks cut from rows are written as packed ones are, to the byte, in any order and after any refusals', () => {
  fc.assert(
    fc.property(
      chunks,
      fc.constantFrom('write' as const, 'writeBytes' as const),
      fc.array(fc.nat({ max: 5 }), { minLength: 40, maxLength: 40 }),
      (chunk, way, lots) => {
        const rows = new Rows(chunk.names)
        for (let again = 0; again < 2; again++) {
          rows.clear()
          for (const [row, to] of chunk.to.entries()) {
            if (lots[row] === 0 && chunk.columns.length > 0) rows.write('refused')
            rows.drop()
            write(rows, chunk, row, way)
            rows.add(to)
          }
          const order = chunk.to.map((_, row) => row)
          order.sort((a, b) => (lots[a] ?? 0) - (lots[b] ?? 0))
          const cut = rows.cut(order, 0, order.length)
          const picked = pickRows(chunk, order)
          const refs = picked.refs?.some((ref) => ref !== null) === true ? picked.refs : null
          expect(textOf(cut.json)).toBe(packChunk({ ...picked, refs }).json)
          expect(Array.from(cut.to)).toEqual(picked.to)
          const last = rows.cut(null, order.length - 1, order.length)
          expect(Array.from(last.to)).toEqual(chunk.to.slice(-1))
        }
      },
    ),
  )
})

test('a value with a control character is not written', () => {
  const rows = new Rows(['a'])
  expect(rows.write('a\rb')).toBe(false)
  expect(rows.writeBytes(new TextEncoder().encode('a\rb'), 0, 3)).toBe(false)
  expect(rows.write('a b')).toBe(true)
  rows.writeNoRef()
  rows.add(1)
  expect(textOf(rows.cut(null, 0, 1).json)).toBe('{"names":["a"],"to":[1],"refs":null,"columns":[["a b"]]}')
})

test('many rows, and long ones, find room', () => {
  const rows = new Rows(['a', 'b'])
  const chunk = {
    names: ['a', 'b'],
    to: Array.from({ length: 5_000 }, (_, row) => row),
    refs: null,
    columns: [
      Array.from({ length: 5_000 }, (_, row) => `a${row}`),
      Array.from({ length: 5_000 }, (_, row) => 'é'.repeat(row % 400)),
    ],
  }
  for (const to of chunk.to) {
    write(rows, chunk, to, to % 2 === 0 ? 'write' : 'writeBytes')
    rows.add(to)
  }
  expect(textOf(rows.cut(null, 0, 5_000).json)).toBe(packChunk(chunk).json)
})

test('a number is written by its digits', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.maxSafeNat(),
        fc.integer({ min: 0, max: 16 }).map((power) => 10 ** power - 1),
        fc.integer({ min: 0, max: 15 }).map((power) => 10 ** power),
      ),
      (number) => {
        const bytes = new Uint8Array(20)
        const end = putNumber(bytes, 2, number)
        expect(textOf(bytes.subarray(2, end))).toBe(String(number))
      },
    ),
  )
})
