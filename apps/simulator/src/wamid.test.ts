import fc from 'fast-check'
import { expect, test } from 'vitest'
import { requestOf, wamidOf } from './wamid.ts'

test('an id names its request, in its own run only', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1_000_000, max: 999_999_999_999_999 }), (run, request, phone) => {
      const wamid = wamidOf(run, request, phone)
      expect(requestOf(run, wamid)).toBe(request)
      expect(requestOf(run + 1, wamid)).toBeNull()
    }),
  )
})

test('has the form of the real ones, phone number included', () => {
  const wamid = wamidOf(0x5f425a74, 7, 16_467_043_595)
  expect(wamid.slice(0, 32)).toBe('wamid.HBgLMTY0NjcwNDM1OTUVAgARGB')
  expect(Buffer.from(wamid.slice(6), 'base64').toString('latin1')).toContain('16467043595')
})

test.each(['', 'wamid.', 'wamid.1', 'x', 'wamid.HBgLMTY0NjcwNDM1OTUVAgARGBI1RjQyNUE3NEYxMzAzMzQ5MkEA'])(
  '%j is no id of ours',
  (text) => {
    expect(requestOf(1, text)).toBeNull()
  },
)
