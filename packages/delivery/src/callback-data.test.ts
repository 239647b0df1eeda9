import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { callbackDataPrefix, decodeCallbackData, encodeCallbackData } from './callback-data.ts'
import type { CallbackData } from './callback-data.ts'

const WORD = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-'.split('')
const word = fc.string({ unit: fc.constantFrom(...WORD), minLength: 1, maxLength: 64 })

const data: fc.Arbitrary<CallbackData> = fc.record({
  environment: word,
  campaignId: word,
  // The last ordinal that eight base-36 digits hold is far past any campaign.
  ordinal: fc.integer({ min: 0, max: 36 ** 8 - 1 }),
  attempt: fc.integer({ min: 1, max: 15 }),
})

test('what is handed over comes back as it was', () => {
  fc.assert(
    fc.property(data, (told) => {
      expect(decodeCallbackData(encodeCallbackData(told))).toEqual(told)
    }),
  )
})

test('it fits into the 512 characters Meta allows, needs no JSON escape, and begins as its campaign does', () => {
  fc.assert(
    fc.property(data, (told) => {
      const text = encodeCallbackData(told)
      expect(text.length).toBeLessThan(160)
      expect(JSON.stringify(text)).toBe(`"${text}"`)
      expect(text.startsWith(callbackDataPrefix(told.environment, told.campaignId))).toBe(true)
    }),
  )
})

test('two recipients, attempts, campaigns or environments never share one', () => {
  fc.assert(
    fc.property(data, data, (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other)
      expect(encodeCallbackData(one) === encodeCallbackData(other)).toBe(same)
    }),
  )
})

describe('what is not ours is nothing', () => {
  test.each([
    ['another application', 'order-4711'],
    ['nothing', ''],
    ['a newer form', 'v2.chasqui.c1.a.1'],
    ['a part missing', 'v1.chasqui.c1.a'],
    ['a part too many', 'v1.chasqui.c1.a.1.x'],
    ['no attempt', 'v1.chasqui.c1.a.'],
    ['upper-case digits', 'v1.chasqui.c1.A.1'],
    ['a line behind it', 'v1.chasqui.c1.a.1\n'],
    ['a number too long', 'v1.chasqui.c1.aaaaaaaaa.1'],
    ['a path for a name', 'v1.../../etc.c1.a.1'],
  ])('%s', (_name, text) => {
    expect(decodeCallbackData(text)).toBeNull()
  })

  test('and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const read = decodeCallbackData(text)
        if (read !== null) expect(encodeCallbackData(read)).toBe(text)
      }),
    )
  })
})
