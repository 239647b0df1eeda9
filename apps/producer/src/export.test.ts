import { FACT } from '@chasqui/delivery'
import fc from 'fast-check'
import { CsvReader } from '@chasqui/campaign'
import { describe, expect, test } from 'vitest'

import { csvField, deliveryOf, matches } from './export.ts'

describe('a CSV field', () => {
  test.each([
    ['=1+1', "'=1+1"],
    ['+55', "'+55"],
    ['-1', "'-1"],
    ['@x', "'@x"],
    ['\tx', "'\tx"],
    ['a,b', '"a,b"'],
    ['a"b', '"a""b"'],
    [' a', '" a"'],
    ['plain', 'plain'],
    ['', ''],
  ])('%j is written %s', (value, written) => expect(csvField(value)).toBe(written))

  test('is read again as it was, but for the apostrophe, and never begins like a formula', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const read: string[] = []
        const reader = new CsvReader({
          row: (fields, count) => read.push(...fields.slice(0, count)),
          bad: (reason) => read.push(`bad: ${reason}`),
        })
        reader.push(`x,${csvField(value)}\n`)
        const [, field = ''] = read
        expect([value, `'${value}`]).toContain(field)
        expect(field).not.toMatch(/^[=+\-@\t\r]/)
      }),
      { numRuns: 500 },
    )
  })
})

describe('an export', () => {
  const recipient = { to: 5511912345678, ref: null, disposition: 'accepted', attempts: 1 } as const

  test('tells the furthest that is known', () => {
    expect(deliveryOf(0)).toBeNull()
    expect(deliveryOf(FACT.held)).toBe('held')
    expect(deliveryOf(FACT.sent)).toBe('sent')
    expect(deliveryOf(FACT.sent | FACT.undelivered)).toBe('undelivered')
    expect(deliveryOf(FACT.sent | FACT.failed)).toBe('failed')
    expect(deliveryOf(FACT.failed | FACT.delivered)).toBe('delivered')
    expect(deliveryOf(FACT.read)).toBe('read')
  })

  test('counts as the report does: who has read it has had it delivered', () => {
    expect(matches({ ...recipient, facts: FACT.read }, { delivery: 'delivered' })).toBe(true)
    expect(matches({ ...recipient, facts: FACT.sent }, { delivery: 'delivered' })).toBe(false)
    expect(matches({ ...recipient, facts: 0 }, {})).toBe(true)
    expect(matches({ ...recipient, facts: 0 }, { disposition: 'pending' })).toBe(false)
  })
})
