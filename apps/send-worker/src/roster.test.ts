import { expect, test } from 'vitest'

import type { ConfiguredSender } from './config.ts'
import { kinOf } from './roster.ts'

const sender = (id: string, wabaId: string, accessToken: string): ConfiguredSender => ({
  id,
  phoneNumberId: id,
  wabaId,
  accessToken,
  accessTokenEnv: 'TOKEN',
  messagesPerSecond: 80,
  maxMessagesPerSecond: null,
  baseUrl: null,
  endpointUrl: 'http://127.0.0.1:9',
  correlation: 'callback_data',
})

const main = sender('main', 'account 1', 'token 1')
const second = sender('second', 'account 1', 'token 2')
const other = sender('other', 'account 2', 'token 1')
const all = [main, second, other]

test.each([
  ['account', ['main', 'second']],
  ['token', ['main', 'other']],
  ['phone', ['main']],
  ['app', ['main']],
] as const)('news about the %s of a sender is about %j', (scope, ids) => {
  expect(kinOf(main, all, scope)).toEqual(ids)
})

test('a sender is its own kin before it is listed', () => {
  expect(kinOf(main, [], 'account')).toEqual(['main'])
})
