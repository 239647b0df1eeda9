import { describe, expect, test } from 'vitest'
import { figure, toJsonLine, toTable } from './figure.ts'

describe('figure', () => {
  test('is judged by its median, not by its best run', () => {
    expect(figure('speed', '×', [3.9, 3.9, 9], { atLeast: 4 }).ok).toBe(false)
    expect(figure('speed', '×', [1, 4, 9], { atLeast: 4 }).ok).toBe(true)
  })

  test('of which less is better fails above its reach', () => {
    expect(figure('memory', 'MB', [256], { atMost: 256 }).ok).toBe(true)
    expect(figure('memory', 'MB', [256.5], { atMost: 256 }).ok).toBe(false)
  })

  test('without a reach is neither good nor bad', () => {
    expect(figure('rate', 'messages/s', [1]).ok).toBeNull()
  })
})

describe('toJsonLine', () => {
  test('has what a machine compares', () => {
    expect(JSON.parse(toJsonLine(figure('speed', '×', [4.123456, 5, 6], { atLeast: 4 })))).toEqual({
      figure: 'speed',
      unit: '×',
      median: 5,
      min: 4.12,
      max: 6,
      runs: 3,
      reach: '>= 4',
      ok: true,
    })
  })

  test('keeps the note and rounds large numbers to whole ones', () => {
    const line = JSON.parse(toJsonLine(figure('rate', 'messages/s', [12_345.6], null, 'so'))) as object
    expect(line).toMatchObject({ median: 12_346, reach: null, ok: null, note: 'so' })
  })
})

test('toTable marks what is out of reach', () => {
  const table = toTable([figure('a', 'B', [65], { atMost: 64 }), figure('b', 'B', [1], { atMost: 64 })])
  expect(table.split('\n').map((row) => row.slice(0, 4).trim())).toEqual(['f', '✗  a', '✓  b'])
})
