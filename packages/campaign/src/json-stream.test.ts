import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { JsonArrayReader, NdjsonReader, NotAnArray } from './json-stream.ts'

type Seen = {
  readonly records: unknown[]
  readonly lines: number[]
  readonly bad: (readonly [line: number, reason: string])[]
  end: string
}

function read(kind: 'array' | 'ndjson', text: string, cuts: readonly number[] = []): Seen {
  const seen: Seen = { records: [], lines: [], bad: [], end: '' }
  const keep = (value: unknown, line: number): void => {
    seen.records.push(value)
    seen.lines.push(line)
  }
  const listener = {
    record: keep,
    text: keep,
    bad: (reason: string, line: number): void => void seen.bad.push([line, reason]),
  }
  const reader = kind === 'array' ? new JsonArrayReader(listener) : new NdjsonReader(listener)
  const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length]
  for (let index = 1; index < places.length; index++) reader.push(text.slice(places[index - 1], places[index]))
  seen.end = reader.end()
  return seen
}

describe('newline-delimited JSON', () => {
  test('is one record a line; blank lines do not count', () => {
    expect(read('ndjson', '\ufeff{"to":"1"}\r\n\n{"to":"2"}')).toMatchObject({
      records: [{ to: '1' }, { to: '2' }],
      lines: [1, 3],
      end: 'complete',
    })
  })

  test('tells the line of what is no record', () => {
    expect(read('ndjson', '{"to":1}\nnope\n[1]\n7\n{"to":2}\n')).toMatchObject({
      records: [{ to: 1 }, { to: 2 }],
      bad: [
        [2, 'not_json'],
        [3, 'not_an_object'],
        [4, 'not_an_object'],
      ],
    })
  })

  test('that ends inside a record has broken off', () => {
    expect(read('ndjson', '{"to":1}\n{"to":').end).toBe('broke_off')
    expect(read('ndjson', '{"to":1}\n{"to":2}').end).toBe('complete')
  })

  test('a line without end is told once, and the next is read', () => {
    const seen = read('ndjson', `{"to":"${'x'.repeat(200_000)}"}\n{"to":2}\n`, [70_000, 140_000])
    expect(seen).toMatchObject({ bad: [[1, 'record_too_long']], records: [{ to: 2 }], lines: [2] })
  })
})

describe('a JSON array', () => {
  test('is read element by element, each with its line', () => {
    const text = '[\n  {"to": "1", "name": "a]}\\" ,"},\n  {"to": "2",\n   "tags": [{"x": 1}]}\n]\n'
    expect(read('array', text)).toMatchObject({
      records: [
        { to: '1', name: 'a]}" ,' },
        { to: '2', tags: [{ x: 1 }] },
      ],
      lines: [2, 3],
      end: 'complete',
    })
  })

  test('may hold bare strings, or be a single object', () => {
    expect(read('array', '["+55","+56"]').records).toEqual(['+55', '+56'])
    expect(read('array', '{"to":"+55"}')).toMatchObject({ records: [{ to: '+55' }], end: 'complete' })
  })

  test('may be empty', () => expect(read('array', ' [ ] ')).toMatchObject({ records: [], end: 'complete' }))

  test('tells elements that are no records', () => {
    expect(read('array', '[1, null,\n{"to":1},{oops},[2]]')).toMatchObject({
      records: [{ to: 1 }],
      bad: [
        [1, 'not_an_object'],
        [1, 'not_an_object'],
        [2, 'not_json'],
        [2, 'not_an_object'],
      ],
    })
  })

  test.each(['', 'nope', '"x"', '[1] [2]', '[1 2]', '[,1]'])('%j is none', (text) => {
    expect(() => read('array', text)).toThrow(NotAnArray)
  })

  test.each(['[', '[{"to":1}', '[{"to":1},', '[{"to":1},{"to"', '{"to":1'])('%j has broken off', (text) => {
    expect(read('array', text).end).toBe('broke_off')
  })

  test('an element that is too long is told, and the next is read', () => {
    for (const cuts of [[], [70_000, 140_000], [200_011]]) {
      expect(read('array', `[{"to":"${'x'.repeat(200_000)}"},\n{"to":2}]`, cuts)).toMatchObject({
        bad: [[1, 'record_too_long']],
        records: [{ to: 2 }],
        lines: [2],
        end: 'complete',
      })
    }
  })
})

test('any list of objects is read again, wherever the pieces are cut and however it is spaced', () => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.string(), fc.jsonValue())),
      fc.array(fc.nat(), { maxLength: 6 }),
      fc.constantFrom(0, 2),
      (list, cuts, indent) => {
        const expected = JSON.parse(JSON.stringify(list)) as unknown
        expect(read('array', JSON.stringify(list, null, indent), cuts).records).toEqual(expected)
        expect(read('ndjson', list.map((item) => `${JSON.stringify(item)}\n`).join(''), cuts).records).toEqual(expected)
      },
    ),
    { numRuns: 300 },
  )
})
