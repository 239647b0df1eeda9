import { describe, expect, test } from 'vitest'

import { unpackChunk } from './chunk.ts'
import type { Chunk } from './chunk.ts'
import { ORDERED_ROWS, RecipientIntake } from './intake.ts'
import type { IntakeFormat } from './intake.ts'
import { UploadRefused } from './header.ts'
import { describeRejection } from './tally.ts'
import type { TallyDelta } from './tally.ts'

/** A batch with its chunks unpacked. */
type Read = { readonly chunks: readonly Chunk[]; readonly tally: TallyDelta }
type Taken = { readonly batches: Read[]; readonly intake: RecipientIntake; readonly end: string }

/** Every batch that is ready; numbers stand beside a chunk as in it. */
function batchesOf(intake: RecipientIntake): Read[] {
  const batches: Read[] = []
  for (let batch = intake.takeBatch(); batch !== null; batch = intake.takeBatch()) {
    const chunks = batch.chunks.map(({ to, json }) => {
      const chunk = unpackChunk(typeof json === 'string' ? json : new TextDecoder().decode(json))
      expect(Array.from(to)).toEqual(chunk.to)
      return chunk
    })
    batches.push({ chunks, tally: batch.tally })
  }
  return batches
}

/** Text and bytes come to the same. */
function take(...of: Parameters<typeof takeText>): Taken {
  const [format, body, columns = [], unknownColumns = 'ignore', unitedStates = 'refuse'] = of
  const byText = takeText(...of)
  const intake = new RecipientIntake(format, { columns, unknownColumns, unitedStates })
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const bytes = new TextEncoder().encode(body)
  for (let at = 0; at < bytes.length; at += 50)
    intake.pushBytes(bytes.subarray(at, at + 50), (part) => decoder.decode(part, { stream: true }))
  expect(intake.end()).toBe(byText.end)
  expect(batchesOf(intake)).toEqual(byText.batches)
  expect(intake.tally).toEqual(byText.intake.tally)
  expect(intake.ignoredColumns).toEqual(byText.intake.ignoredColumns)
  return byText
}

function takeText(
  format: IntakeFormat,
  body: string,
  columns: readonly string[] = [],
  unknownColumns: 'ignore' | 'refuse' = 'ignore',
  unitedStates: 'take' | 'refuse' = 'refuse',
): Taken {
  const intake = new RecipientIntake(format, { columns, unknownColumns, unitedStates })
  intake.push(body)
  const end = intake.end()
  return { batches: batchesOf(intake), intake, end }
}

function rejections({ intake }: Taken): (readonly [number, string, string | null])[] {
  return intake.tally.rejections.map(({ line, reason, column }) => [line, reason, column])
}

function refusal(run: () => unknown): readonly [string, readonly string[]] {
  try {
    run()
  } catch (error) {
    if (error instanceof UploadRefused) return [error.code, error.columns]
  }
  throw new Error('nothing was refused')
}

describe('a CSV of recipients', () => {
  test('keeps the columns that placeholders use, in their order, and the ref', () => {
    const { batches, intake } = take(
      'csv',
      'first_name,to,shoe size,ref,city\nAna,+55 11 91234-5678,38,r1,Rio\nZé,+5511912345679,40,,Niterói\n',
      ['city', 'first_name'],
    )
    expect(batches).toHaveLength(1)
    expect(batches[0]?.chunks).toEqual([
      {
        names: ['city', 'first_name'],
        to: [5511912345678, 5511912345679],
        refs: ['r1', null],
        columns: [
          ['Rio', 'Niterói'],
          ['Ana', 'Zé'],
        ],
      },
    ])
    expect(intake.ignoredColumns).toEqual(['shoe size'])
  })

  test('tells each row that cannot be taken by its line, and takes the others', () => {
    const body =
      'to,name\n+5511912345678,Ana\n123,Bo\n+5511912345679\n+5511912345670,\n+5511912345671,"a\u0000b"\n+5511912345672,"x" y\n+5511912345673,Cy\n'
    const taken = take('csv', body, ['name'])
    expect(rejections(taken)).toEqual([
      [3, 'too_short', 'to'],
      [4, 'field_count', null],
      [5, 'missing_value', 'name'],
      [6, 'control_character', 'name'],
      [7, 'malformed_quote', null],
    ])
    expect(taken.intake.tally.rows).toBe(7)
    expect(taken.batches[0]?.chunks[0]?.to).toEqual([5511912345678, 5511912345673])
    expect(taken.batches[0]?.tally).toEqual({
      rows: 7,
      rejected: { too_short: 1, field_count: 1, missing_value: 1, control_character: 1, malformed_quote: 1 },
      warnings: {},
    })
  })

  test('has values in any script, composed alike, with line breaks as spaces', () => {
    const { batches } = take(
      'csv',
      'to,name\n+5511912345678,"Jose\u0301\n da\tSilva "\n+5511912345679,李小龍\n+5511912345670, Bo \n',
      ['name'],
    )
    expect(batches[0]?.chunks[0]?.columns).toEqual([['José  da Silva', '李小龍', 'Bo']])
  })

  test('says so where bytes were not UTF-8, or a value is too long', () => {
    const taken = take('csv', `to,name\n+5511912345678,Jos\ufffd\n+5511912345679,${'x'.repeat(1025)}\n`, ['name'])
    expect(rejections(taken)).toEqual([
      [2, 'bad_encoding', 'name'],
      [3, 'value_too_long', 'name'],
    ])
  })

  describe('of numbers that will not be reached', () => {
    // New York, Puerto Rico (of the United States); Toronto, Jamaica (not); Cuba.
    const body = 'to\n+16505551234\n+17875551234\n+14165551234\n+18765551234\n+5351234567\n'

    test('takes none of the United States, and says so', () => {
      const taken = take('csv', body)
      expect(rejections(taken)).toEqual([
        [2, 'united_states', 'to'],
        [3, 'united_states', 'to'],
      ])
      expect(taken.intake.tally.warnings).toEqual({ country_not_eligible: 1 })
      expect(taken.batches[0]?.chunks[0]?.to).toEqual([14165551234, 18765551234, 5351234567])
    })

    test('takes all and warns, where the campaign forces it', () => {
      const taken = take('csv', body, [], 'ignore', 'take')
      expect(rejections(taken)).toEqual([])
      expect(taken.intake.tally.warnings).toEqual({ us_number: 2, country_not_eligible: 1 })
    })
  })

  test('rejections never tell the number', () => {
    const [rejection] = take('csv', 'to\n+5511 CALL ME 912345678\n').intake.tally.rejections
    expect(rejection && describeRejection(rejection)).toBe('line 2, column to: the telephone number has letters in it')
  })

  test('fills batches of four chunks of 500', () => {
    const rows = Array.from({ length: 4_321 }, (_, index) => `+55119${12_345_678 + index}`)
    const { batches } = take('csv', `to\n${rows.join('\n')}\n`)
    expect(batches.map(({ chunks }) => chunks.map(({ to }) => to.length))).toEqual([
      [500, 500, 500, 500],
      [500, 500, 500, 500],
      [321],
    ])
    expect(batches.map(({ tally }) => tally.rows)).toEqual([2_000, 2_000, 321])
  })
})

describe('a header that will not do refuses the whole upload', () => {
  test.each([
    ['', 'empty_body', []],
    ['name\nAna\n', 'missing_to_column', ['to']],
    ['to;name\n+55;Ana\n', 'wrong_delimiter', []],
    ['\uFFFD\uFFFDt\0o\0\t\0n\0a\0m\0e\0\n\0', 'not_utf8', []],
    ['to,name,name\n', 'duplicate_column', ['name']],
    ['to,nome\n+5511912345678,Ana\n', 'missing_placeholder_column', ['name']],
    ['to,"name"x\n', 'unreadable_header', []],
  ])('%j: %s', (body, code, columns) => {
    expect(refusal(() => take('csv', body, ['name']))).toEqual([code, columns])
  })

  test('unknown columns, if they are to be refused', () => {
    expect(refusal(() => take('csv', 'to,name,age\n', ['name'], 'refuse'))).toEqual(['unknown_column', ['age']])
    expect(take('csv', 'to,name,ref\n', ['name'], 'refuse').intake.ignoredColumns).toEqual([])
  })
})

describe('records of JSON', () => {
  test('may have numbers and booleans as values, and more fields than are used', () => {
    const body = '{"to":5511912345678,"name":"Ana","ref":17,"x":1}\n{"to":"+55 11 91234-5679","name":true}\n'
    const { batches, intake } = take('ndjson', body, ['name'])
    expect(batches[0]?.chunks).toEqual([
      { names: ['name'], to: [5511912345678, 5511912345679], refs: ['17', null], columns: [['Ana', 'true']] },
    ])
    expect(intake.ignoredColumns).toEqual(['x'])
  })

  test('are refused one by one', () => {
    const body =
      '[{"name":"x"},\n{"to":{},"name":"x"},\n{"to":"+5511912345678"},\n{"to":"+5511912345678","name":[1]},\n7]'
    expect(rejections(take('json', body, ['name']))).toEqual([
      [1, 'empty', 'to'],
      [2, 'bad_value', 'to'],
      [3, 'missing_value', 'name'],
      [4, 'bad_value', 'name'],
      [5, 'not_an_object', null],
    ])
  })

  test('a column named like something every object has is still missing', () => {
    expect(rejections(take('ndjson', '{"to":"+5511912345678"}\n', ['constructor']))).toEqual([
      [1, 'missing_value', 'constructor'],
    ])
  })

  test('unknown fields are refused by the row, if they are to be', () => {
    expect(
      rejections(take('ndjson', '{"to":"+5511912345678","age":3}\n{"to":"+5511912345679"}\n', [], 'refuse')),
    ).toEqual([[1, 'unknown_column', 'age']])
  })
})

test('plain rows and others, in one list, come to the same by text and by bytes', () => {
  const rows = [
    '+55 11 91234-5678,Ana,r1',
    '0055 11 91234-5679,José \\ "Zé",',
    '+5511912345670,\u00a0Bo ,  ',
    '+5511912345671,"Bo, ""B""\n\tC",r2',
    '+5511912345672,李小龍,r\u0000',
    '+5511912345673,a\rb,r 3',
    '+5511912345674,"x',
    '+5511912345675,', // the quote above ends nowhere
    '+٥٥١١٩١٢٣٤٥٦٧٨,à,è',
    `+5511912345676,${'é'.repeat(1024)},${'x'.repeat(256)}`,
    `+5511912345677,${'é'.repeat(1025)},`,
    `+5511912345678,y,${'x'.repeat(257)}`,
    '55 11 (0)91234-5679,Cy\\,\\',
    'n/a,x,y',
    '',
    ',,',
    '+16505551234,New York,',
  ]
  for (const end of ['\n', '\r\n']) {
    const taken = take('csv', `to,name,ref${end}${rows.join(end)}${end}`, ['name'])
    expect(rejections(taken).map(([line, reason]) => [line, reason])).toEqual([
      [3, 'malformed_quote'],
      [7, 'control_character'],
      [9, 'unterminated_quote'],
      [10, 'field_count'],
      [13, 'value_too_long'],
      [14, 'ref_too_long'],
      [16, 'letters'],
      [18, 'empty'],
      [19, 'united_states'],
    ])
    expect(taken.batches[0]?.chunks[0]?.columns[0]?.map((name) => name.slice(0, 9))).toEqual([
      'Ana',
      'Bo',
      'Bo, "B" C',
      'a b',
      'à',
      'ééééééééé',
      'Cy\\',
    ])
  }
})

test('a body that broke off keeps what came before', () => {
  const taken = take('csv', 'to,name\n+5511912345678,Ana\n+5511912345679,"Ma', ['name'])
  expect(taken.end).toBe('broke_off')
  expect(taken.batches[0]?.chunks[0]?.to).toEqual([5511912345678])
})

describe('rows in the order of their storage', () => {
  const number = (row: number): number => 447_900_000_000 + row
  const csv = (rows: number): string =>
    `to,ref,name\n${Array.from({ length: rows }, (_, row) => `+${number(row)},r${row},n${row}\n`).join('')}`

  function takeOrdered(rows: number): { batches: Read[]; sizes: number[] } {
    const intake = new RecipientIntake(
      'csv',
      { columns: ['name'], unknownColumns: 'ignore', unitedStates: 'take' },
      (to) => to % 7,
    )
    const text = csv(rows)
    for (let at = 0; at < text.length; at += 65_536) intake.push(text.slice(at, at + 65_536))
    intake.end()
    const batches = batchesOf(intake)
    return { batches, sizes: batches.map(({ chunks }) => chunks.reduce((sum, { to }) => sum + to.length, 0)) }
  }

  test('a list that is not long keeps its order', () => {
    const { batches } = takeOrdered(4_500)
    const to = batches.flatMap(({ chunks }) => chunks.flatMap((chunk) => chunk.to))
    expect(to).toEqual(Array.from({ length: 4_500 }, (_, row) => number(row)))
  })

  test('of a long one each full part is sorted by place, whole rows at a time, and the rest keeps its order', () => {
    const { batches, sizes } = takeOrdered(ORDERED_ROWS + 700)
    expect(sizes).toEqual([...Array.from({ length: ORDERED_ROWS / 2_000 }, () => 2_000), 700])
    const rows = batches.flatMap(({ chunks }) =>
      chunks.flatMap(({ to, refs, columns }) => to.map((it, row) => [it, refs?.[row], columns[0]?.[row]] as const)),
    )
    for (const [to, ref, name] of rows) {
      const row = to - 447_900_000_000
      expect([ref, name]).toEqual([`r${row}`, `n${row}`])
    }
    const places = rows.slice(0, ORDERED_ROWS).map(([to]) => to % 7)
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(rows.slice(ORDERED_ROWS).map(([to]) => to)).toEqual(
      Array.from({ length: 700 }, (_, row) => number(ORDERED_ROWS + row)),
    )
    expect(new Set(rows.map(([to]) => to)).size).toBe(ORDERED_ROWS + 700)
  })

  test('each part is twice as long as the one before, up to 128,000', () => {
    const needs = { columns: [], unknownColumns: 'ignore', unitedStates: 'take' } as const
    const intake = new RecipientIntake('csv', needs, (to) => to % 7)
    const rows = Array.from({ length: 32_000 + 64_000 + 128_000 + 128_000 + 100 }, (_, row) => `${number(row)}\n`)
    intake.pushBytes(new TextEncoder().encode(`to\n${rows.join('')}`), (part) => new TextDecoder().decode(part))
    intake.end()
    const counted: number[] = []
    for (let batch = intake.takeBatch(); batch !== null; batch = intake.takeBatch())
      if (batch.tally.rows > 0) counted.push(batch.tally.rows)
    expect(counted).toEqual([32_000, 64_000, 128_000, 128_000, 100])
  })

  test('every row is counted once, with the last of the batches that became ready together', () => {
    const { batches } = takeOrdered(ORDERED_ROWS + 700)
    expect(batches.map(({ tally }) => tally.rows).filter((count) => count > 0)).toEqual([ORDERED_ROWS, 700])
  })

  test('a body that breaks off leaves the whole rows before that, and nothing of the next', () => {
    const intake = new RecipientIntake(
      'csv',
      { columns: ['name'], unknownColumns: 'ignore', unitedStates: 'take' },
      (to) => to,
    )
    intake.push(csv(3) + '+44790000')
    intake.breakOff()
    expect(batchesOf(intake).map(({ chunks }) => chunks.map(({ to }) => to))).toEqual([
      [[number(0), number(1), number(2)]],
    ])
  })
})
