import { describe, expect, test } from 'vitest'

import { readCommand } from './command.ts'

describe('a command', () => {
  test.each([
    [['replay'], { kind: 'replay', reason: null }],
    [['replay', '--reason', 'unreadable'], { kind: 'replay', reason: 'unreadable' }],
    [['replay', '--verify', 'mh8-1'], { kind: 'verify', campaign: 'mh8-1', json: false }],
    [['dead-letters', '--bodies', '--limit', '5'], { kind: 'list', reason: null, limit: 5, bodies: true }],
  ])('%j', (args, command) => {
    expect(readCommand(args)).toEqual(command)
  })

  test.each([
    [['replay', '--verify', 'A B'], '--verify: found "A B", allowed: a campaign\'s id'],
    [['reply'], 'found "reply", allowed: replay, dead-letters'],
    [['replay', 'all'], 'found "all" behind replay, allowed: options only'],
    [['replay', '--all'], expect.stringContaining("Unknown option '--all'")],
    [['dead-letters', '--limit', 'many'], '--limit: found "many", allowed: 0 or more'],
  ])('%j is refused, with what is allowed', (args, problem) => {
    expect(readCommand(args)).toEqual(problem)
  })
})
