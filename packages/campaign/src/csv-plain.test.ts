import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { PlainCsvReader } from './csv-plain.ts'
import type { PlainListener } from './csv-plain.ts'
import { CsvHopeless, CsvReader } from './csv.ts'

type Told = {
  readonly rows: (readonly [line: number, ...fields: string[]])[]
  readonly bad: (readonly [line: number, reason: string])[]
  end: string
  /** Rows that were told as bytes. */
  plain: number
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

function listening(): { told: Told; listener: PlainListener } {
  const told: Told = { rows: [], bad: [], end: '', plain: 0 }
  const listener: PlainListener = {
    row: (fields, count, line) => void told.rows.push([line, ...fields.slice(0, count)]),
    plainRow: (bytes, bounds, count, line) => {
      const fields = Array.from({ length: count }, (_, field) =>
        new TextDecoder().decode(bytes.subarray(bounds[field * 2], bounds[field * 2 + 1])),
      )
      told.rows.push([line, ...fields])
      told.plain += 1
    },
    bad: (reason, line) => void told.bad.push([line, reason]),
  }
  return { told, listener }
}

/** Run to the end, which may be that the file is given up. */
function finish(told: Told, run: () => string): Told {
  try {
    told.end = run()
  } catch (error) {
    if (!(error instanceof CsvHopeless)) throw error
    told.end = `hopeless in line ${error.line}`
  }
  return told
}

function byText(text: string): Told {
  const { told, listener } = listening()
  const reader = new CsvReader(listener)
  return finish(told, () => {
    reader.push(text)
    return reader.end()
  })
}

/** The same bytes cut into pieces at these places. */
function byBytes(bytes: Uint8Array, cuts: readonly number[]): Told {
  const { told, listener } = listening()
  const reader = new PlainCsvReader(listener)
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return finish(told, () => {
    for (let index = 1; index < places.length; index++)
      reader.pushBytes(bytes.subarray(places[index - 1], places[index]), (part) =>
        decoder.decode(part, { stream: true }),
      )
    reader.push(decoder.decode())
    return reader.end()
  })
}

const cuts = fc.array(fc.nat(), { maxLength: 12 })

describe('a CSV in bytes', () => {
  const line = fc.oneof(
    { arbitrary: fc.stringMatching(/^[a-z0-9 +.é]{0,6}(,[a-zãü]{0,5}){0,3}$/), weight: 6 },
    { arbitrary: fc.stringMatching(/^("[a-z,]{0,4}(""|\n|é)?"|[a-z]?)(,"x")?$/), weight: 2 },
    {
      arbitrary: fc.string({
        unit: fc.constantFrom('a', ',', '"', '\r', '\t', '\u00a0', '\u0300', '李', '\u{1f600}', '\0', '\u007f'),
      }),
      weight: 1,
    },
  )
  const text = fc
    .tuple(
      fc.constantFrom('', '\ufeff'),
      fc.array(fc.tuple(line, fc.constantFrom('\n', '\n', '\r\n')), { maxLength: 30 }),
      line,
    )
    .map(([mark, lines, last]) => mark + lines.flat().join('') + last)

  test('is read as its text is, wherever its pieces are cut', () => {
    fc.assert(
      fc.property(text, cuts, (csv, places) => {
        const { plain: _, ...expected } = byText(csv)
        const { plain: __, ...told } = byBytes(bytesOf(csv), places)
        expect(told).toEqual(expected)
      }),
      { numRuns: 1_000 },
    )
  })

  test('that is no UTF-8 is read as its decoder reads it', () => {
    const byte = fc.oneof(
      fc.constantFrom(0x0a, 0x2c, 0x22, 0x61, 0xc2, 0xa0, 0x80, 0xc3, 0xcc, 0xe2, 0xf0),
      fc.nat({ max: 255 }),
    )
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 60 }), cuts, (rest, places) => {
        const bytes = Uint8Array.from([...bytesOf('to,name\n1,Ana\n'), ...rest])
        const { plain: _, ...expected } = byText(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
        const { plain: __, ...told } = byBytes(bytes, places)
        expect(told).toEqual(expected)
      }),
      { numRuns: 1_000 },
    )
  })

  test('has its plain rows told as bytes: all but the header, and what a cut falls into or strange rows lie beside', () => {
    const rows = Array.from({ length: 1_000 }, (_, row) => `+55119${row},José,x y z\r\n`)
    const bytes = bytesOf(`to,name,x\n${rows.join('')}`)
    const whole = byBytes(bytes, [])
    expect(whole.rows).toHaveLength(1_001)
    expect(whole.plain).toBe(1_000)
    expect(byBytes(bytes, [5_000, 10_000]).plain).toBe(998)
    rows[500] = '"+5511",李小龍,\n'
    expect(byBytes(bytesOf(`to,name,x\n${rows.join('')}`), []).plain).toBe(999)
  })

  test('with rows too long, and quotes that never close, costs those rows', () => {
    const csv = `to\n1\n${'x'.repeat(70_000)}\n2\n"${'y\n'.repeat(40_000)}3\n`
    const { plain: _, ...expected } = byText(csv)
    const { plain: __, ...told } = byBytes(bytesOf(csv), [65_536, 131_072])
    expect(told).toEqual(expected)
    expect(told.bad.map(([, reason]) => reason)).toContain('row_too_long')
  })

  test('with more fields than any header has is read, too', () => {
    const csv = `a\n${','.repeat(1_022)}\n${','.repeat(1_023)}\n${','.repeat(1_024)}\n${','.repeat(5_000)}\nb\n`
    const { plain: _, ...expected } = byText(csv)
    const { plain: __, ...told } = byBytes(bytesOf(csv), [])
    expect(told).toEqual(expected)
  })
})
