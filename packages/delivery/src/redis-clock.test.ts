import fc from 'fast-check'
import { expect, test } from 'vitest'

import { RedisClock } from './redis-clock.ts'

test('goes on by the monotonic clock between answers', () => {
  let monotonic = 5_000
  const clock = new RedisClock(() => monotonic, 1_700_000_000_000)
  monotonic += 250
  expect(clock.now()).toBe(1_700_000_000_250)
})

test('believes Redis, also when it says less than was estimated', () => {
  const clock = new RedisClock(() => 5_000, 1_700_000_000_000)
  for (const stamp of [1_700_000_001_000, 1_600_000_000_000]) {
    clock.observe(stamp)
    expect(clock.now()).toBe(stamp)
  }
})

test('is never ahead of Redis, and behind by the way back of the last answer at most', () => {
  const answers = fc.array(fc.record({ pause: fc.nat(60_000), wayBack: fc.nat(5_000) }), { minLength: 1 })
  fc.assert(
    fc.property(answers, fc.nat(10_000), (told, later) => {
      let time = 0
      const clock = new RedisClock(() => time, 1_000_000)
      for (const { pause, wayBack } of told) {
        time += pause
        const stamp = 1_000_000 + time
        time += wayBack
        clock.observe(stamp)
      }
      time += later
      const behind = 1_000_000 + time - clock.now()
      expect(behind).toBe(told.at(-1)?.wayBack)
    }),
  )
})
