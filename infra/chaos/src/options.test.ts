import { expect, test } from 'vitest'

import { parseOptions } from './options.ts'

const NAMES = ['kill-storm-keep', 'races']

test('everything in full from seed 1 is the default', () => {
  expect(parseOptions([], NAMES)).toEqual({ ok: true, options: { only: [], seed: 1, short: false } })
})

test('some, in short, from a seed', () => {
  expect(parseOptions(['--short', '--only', 'races', '--seed', '7'], NAMES)).toEqual({
    ok: true,
    options: { only: ['races'], seed: 7, short: true },
  })
})

test.each([[['--only', 'peace']], [['--seed', '-1']], [['--seed', 'x']], [['--long']], [['--full', '--short']]])(
  'refuses %s',
  (args) => {
    expect(parseOptions(args, NAMES)).toMatchObject({ ok: false })
  },
)
