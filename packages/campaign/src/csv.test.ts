import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { CsvHopeless, CsvReader } from './csv.ts'

type Seen = {
  readonly rows: (readonly [line: number, ...fields: string[]])[]
  readonly bad: (readonly [line: number, reason: string])[]
  end: string
}

/** Read a text cut into pieces at the given places. */
function read(text: string, cuts: readonly number[] = []): Seen {
  const seen: Seen = { rows: [], bad: [], end: '' }
  const reader = new CsvReader({
    row: (fields, count, line) => void seen.rows.push([line, ...fields.slice(0, count)]),
    bad: (reason, line) => void seen.bad.push([line, reason]),
  })
  const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length]
  for (let index = 1; index < places.length; index++) reader.push(text.slice(places[index - 1], places[index]))
  seen.end = reader.end()
  return seen
}

describe('a CSV', () => {
  test('has rows of fields, with the line each begins on', () => {
    expect(read('to,name\n1,Ana\n2,Zé\n').rows).toEqual([
      [1, 'to', 'name'],
      [2, '1', 'Ana'],
      [3, '2', 'Zé'],
    ])
  })

  test('may have CRLF, a byte order mark, no line break at its end, blank lines', () => {
    expect(read('\ufeffto,name\r\n\r\n1,Ana\r\n\n2,"Bo"').rows).toEqual([
      [1, 'to', 'name'],
      [3, '1', 'Ana'],
      [5, '2', 'Bo'],
    ])
  })

  test('has commas, quotes and line breaks inside quotes, and still counts lines', () => {
    const { rows } = read('a,b\n"x, ""y""","one\ntwo\r\nthree"\nz,""\n')
    expect(rows).toEqual([
      [1, 'a', 'b'],
      [2, 'x, "y"', 'one\ntwo\r\nthree'],
      [5, 'z', ''],
    ])
  })

  test('keeps empty fields', () => {
    expect(read(',\n"",\n').rows).toEqual([
      [1, '', ''],
      [2, '', ''],
    ])
  })
})

describe('a row that cannot be read costs its own line only', () => {
  test('a quote inside a bare field', () => {
    const seen = read('a,b\n1,5" tall\n2,ok\n')
    expect(seen.bad).toEqual([[2, 'malformed_quote']])
    expect(seen.rows).toEqual([
      [1, 'a', 'b'],
      [3, '2', 'ok'],
    ])
  })

  test('text after a closing quote', () => {
    expect(read('1,"a"b\n2,c\n')).toMatchObject({ bad: [[1, 'malformed_quote']], rows: [[2, '2', 'c']] })
  })

  test('a quote that never closes, with good rows after it', () => {
    expect(read('1,"Ana\n2,Bo\n3,Cy\n')).toMatchObject({
      bad: [[1, 'unterminated_quote']],
      rows: [
        [2, '2', 'Bo'],
        [3, '3', 'Cy'],
      ],
      end: 'complete',
    })
  })

  test('a quote that never closes, in a file longer than any row', () => {
    const rest = Array.from({ length: 10_000 }, (_, index) => `${index},name`).join('\n')
    const seen = read(`1,"Ana\n${rest}\n`, [100, 5_000, 70_000])
    expect(seen.bad).toEqual([[1, 'unterminated_quote']])
    expect(seen.rows).toHaveLength(10_000)
    expect(seen.rows.at(-1)).toEqual([10_001, '9999', 'name'])
  })

  test('a line without end', () => {
    for (const cuts of [[], [1], [66_000], [66_000, 69_000], [70_001]]) {
      expect(read(`${'x'.repeat(70_000)}\n1,ok\n`, cuts)).toMatchObject({
        bad: [[1, 'row_too_long']],
        rows: [[2, '1', 'ok']],
      })
    }
  })

  test('but a file of nothing else is given up', () => {
    const line = `1,"${'x'.repeat(70_000)}\n`
    expect(() => read(line.repeat(200))).toThrow(CsvHopeless)
  })
})

test('a body that ends inside quotes has broken off', () => {
  expect(read('to,name\n1,Ana\n2,"Mar')).toMatchObject({ end: 'broke_off', bad: [[3, 'unterminated_quote']] })
  expect(read('to,name\n1,Ana\n2,"Mar"').end).toBe('complete')
})

const field = fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\n', '\r\n', ' ', '1', '漢'), maxLength: 8 })
const table = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 12 })

/** As RFC 4180 says, and no shorter: every field quoted. */
function write(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map((text) => `"${text.replaceAll('"', '""')}"`).join(',')}\n`).join('')
}

test('what was written is read again, wherever the pieces are cut', () => {
  fc.assert(
    fc.property(table, fc.array(fc.nat(), { maxLength: 6 }), (rows, cuts) => {
      const seen = read(write(rows), cuts)
      expect(seen.bad).toEqual([])
      expect(seen.rows.map(([, ...fields]) => fields)).toEqual(rows)
    }),
    { numRuns: 500 },
  )
})

test('any text is read alike, wherever it is cut', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'é'), maxLength: 60 })
  fc.assert(
    fc.property(text, fc.array(fc.nat(), { maxLength: 8 }), (body, cuts) => {
      expect(read(body, cuts)).toEqual(read(body))
    }),
    { numRuns: 3_000 },
  )
})

test('long rows are read alike, wherever they are cut', () => {
  const piece = fc.oneof(
    fc.constantFrom('"', '\n', ',', '"\n', 'a'),
    fc.integer({ min: 20_000, max: 70_000 }).map((length) => 'x'.repeat(length)),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), fc.array(fc.nat(), { maxLength: 5 }), (pieces, cuts) => {
      const body = pieces.join('')
      expect(read(body, cuts)).toEqual(read(body))
    }),
    { numRuns: 200 },
  )
})
