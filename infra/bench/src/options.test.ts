import { describe, expect, test } from 'vitest'
import { parseOptions, PARTS } from './options.ts'

describe('parseOptions', () => {
  test('runs everything three times when nothing is asked', () => {
    expect(parseOptions([])).toEqual({
      ok: true,
      options: { parts: [...PARTS], rounds: 3, quick: false, profile: false },
    })
  })

  test('runs chosen parts, quickly, once', () => {
    expect(parseOptions(['--only', 'send,queue', '--quick'])).toEqual({
      ok: true,
      options: { parts: ['send', 'queue'], rounds: 1, quick: true, profile: false },
    })
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
