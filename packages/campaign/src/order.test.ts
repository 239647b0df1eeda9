import fc from 'fast-check'
import { expect, test } from 'vitest'

import { sortedPlaces } from './order.ts'

test('places stand in the order of their keys, equal ones as they stood', () => {
  const key = fc.oneof(fc.nat({ max: 2 ** 31 - 1 }), fc.nat({ max: 9 }), fc.constantFrom(0, 2 ** 31 - 1, 2_047, 2_048))
  fc.assert(
    fc.property(fc.array(key, { maxLength: 300 }), (keys) => {
      const expected = keys.map((_, place) => place).sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0))
      expect(Array.from(sortedPlaces(Uint32Array.from(keys)))).toEqual(expected)
    }),
  )
})
