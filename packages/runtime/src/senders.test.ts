import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { EnvironmentError } from './environment.ts'
import { readAccessToken, readSenders } from './senders.ts'

const folder = mkdtempSync(join(tmpdir(), 'chasqui-senders-'))
const path = join(folder, 'senders.json')
afterAll(() => rmSync(folder, { recursive: true }))

const SENDER = {
  id: 'main-br',
  phoneNumberId: '106540352242922',
  wabaId: '102290129340398',
  accessTokenEnv: 'WA_TOKEN_BR',
  messagesPerSecond: 80,
  maxMessagesPerSecond: null,
  baseUrl: null,
}

function issues(content: unknown): readonly string[] {
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  try {
    readSenders(path)
  } catch (error) {
    if (error instanceof EnvironmentError)
      return error.issues.map((issue) => issue.replace(`SENDERS_FILE ${path}: `, ''))
    throw error
  }
  throw new Error('was taken')
}

test("the contract's example is read", () => {
  writeFileSync(path, JSON.stringify([SENDER]))
  expect(readSenders(path)).toEqual([{ ...SENDER, correlation: 'callback_data' }])
})

test('a cap on the rate is a number, or none', () => {
  expect(issues([{ ...SENDER, maxMessagesPerSecond: 0 }])).toEqual([
    '[0].maxMessagesPerSecond: found 0, allowed: null or a whole number from 1 to 100000',
  ])
  const { maxMessagesPerSecond: _none, ...without } = SENDER
  writeFileSync(path, JSON.stringify([without]))
  expect(readSenders(path)[0]?.maxMessagesPerSecond).toBeNull()
})

test('a base URL loses its last slash', () => {
  writeFileSync(path, JSON.stringify([{ ...SENDER, baseUrl: 'http://127.0.0.1:3999/v25.0/' }]))
  expect(readSenders(path)[0]?.baseUrl).toBe('http://127.0.0.1:3999/v25.0')
})

test('every mistake has a line with its place', () => {
  expect(
    issues([
      { ...SENDER, messagesPerSecond: '80', wabaId: undefined },
      { ...SENDER, id: 'a b', phoneNumberId: '1', rate: 5 },
    ]),
  ).toEqual([
    '[0].wabaId: found nothing, allowed: digits, as text',
    '[0].messagesPerSecond: found "80", allowed: a whole number from 1 to 100000',
    '[1].id: found "a b", allowed: 1 to 64 letters, digits, _ or -',
    '[1]: found the unknown rate, allowed: id, phoneNumberId, wabaId, accessTokenEnv, messagesPerSecond, maxMessagesPerSecond, baseUrl, correlation',
  ])
})

test('two entries for one telephone number are refused: each would take the whole of its rate', () => {
  expect(issues([SENDER, { ...SENDER, id: 'other' }])).toEqual([
    '[1].phoneNumberId: found "106540352242922", allowed: a phoneNumberId no other sender has',
  ])
})

test.each([
  ['[', /found text that is no JSON/],
  ['{}', /the file: found \{\}, allowed: a list of senders/],
  ['[]', /allowed: at least one sender/],
])('%s is refused', (content, message) => {
  expect(issues(content).join()).toMatch(message)
})

test('a missing file is named', () => {
  expect(() => readSenders('/nowhere.json')).toThrow(
    'SENDERS_FILE: found "/nowhere.json" (ENOENT), allowed: a file this process can read',
  )
})

test('the access token comes from the variable the sender names, or from its file', () => {
  const sender = { ...SENDER, correlation: 'callback_data' as const }
  writeFileSync(path, 'from-file\n')
  expect(readAccessToken(sender, { WA_TOKEN_BR: 'EAAG' })).toBe('EAAG')
  expect(readAccessToken(sender, { WA_TOKEN_BR_FILE: path })).toBe('from-file')
})

test('a missing or unusable access token is named without being shown', () => {
  const sender = { ...SENDER, correlation: 'callback_data' as const }
  expect(() => readAccessToken(sender, {})).toThrow(
    'WA_TOKEN_BR: found nothing, allowed: the access token of sender main-br, visible ASCII only',
  )
  expect(() => readAccessToken(sender, { WA_TOKEN_BR: 'EAAG\nx' })).toThrow(
    'WA_TOKEN_BR: found a value of 6 characters (not shown)',
  )
})
