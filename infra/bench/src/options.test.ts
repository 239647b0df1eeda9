import { describe, expect, test } from 'vitest'
import { parseOptions } from './options.ts'

describe('parseOptions', () => {
  test('runs all figures three times when nothing is asked, and no shows', () => {
    expect(parseOptions([])).toEqual({
      ok: true,
      options: { parts: ['send', 'intake', 'queue', 'fold', 'webhook'], rounds: 3, quick: false, profile: false },
    })
  })

  test('runs chosen parts, quickly, once', () => {
    expect(parseOptions(['--only', 'send,queue', '--quick'])).toEqual({
      ok: true,
      options: { parts: ['send', 'queue'], rounds: 1, quick: true, profile: false },
    })
  })

  test('runs shows when they are asked for', () => {
    expect(parseOptions(['--only', 'storm,fuzz'])).toMatchObject({ options: { parts: ['storm', 'fuzz'] } })
  })

  test('lets the number of rounds be chosen', () => {
    expect(parseOptions(['--quick', '--rounds', '5'])).toMatchObject({ options: { rounds: 5 } })
  })

  test.each([
    [['--only', 'sned'], '--only: found "sned"'],
    [['--rounds', '0'], '--rounds: found "0"'],
    [['--rounds', 'many'], '--rounds: found "many"'],
    [['--fast'], '--fast'],
  ])('refuses %j and says what is wrong', (args, problem) => {
    const result = parseOptions(args)
    expect(result.ok).toBe(false)
    expect(result).toMatchObject({ problem: expect.stringContaining(problem) as string })
  })
})
