import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { EnvironmentError, readEnvironment, type Environment } from './environment.ts'
import { common, document, integer, port, text } from './variables.ts'

const folder = mkdtempSync(join(tmpdir(), 'chasqui-environment-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (content: string): string => {
  const path = join(folder, `${Math.random()}`)
  writeFileSync(path, content)
  return path
}

const schema = {
  ...common,
  PORT: port(3000),
  WEBHOOK_VERIFY_TOKEN: text({ describe: 'the token of the handshake', secret: true }),
}

const read = (env: Environment) => readEnvironment(schema, { WEBHOOK_VERIFY_TOKEN: 'secret', ...env })

function issues(env: Environment): readonly string[] {
  try {
    read(env)
  } catch (error) {
    if (error instanceof EnvironmentError) return error.issues
    throw error
  }
  throw new Error('was taken')
}

test('the defaults are those of the contract', () => {
  expect(read({})).toEqual({
    REDIS_URL: 'redis://127.0.0.1:6379',
    REDIS_PREFIX: 'chasqui',
    SENDERS_FILE: 'senders.json',
    MM_LITE_BASE_URL: 'https://graph.facebook.com/v25.0',
    HOST: '127.0.0.1',
    LOG_LEVEL: 'info',
    PORT: 3000,
    WEBHOOK_VERIFY_TOKEN: 'secret',
  })
})

test('several Redis URLs are the seeds of a cluster', () => {
  expect(read({ REDIS_URL: 'redis://a:1, rediss://b:2' }).REDIS_URL).toBe('redis://a:1,rediss://b:2')
})

test('a missing variable is named with what is allowed', () => {
  expect(issues({ WEBHOOK_VERIFY_TOKEN: undefined })).toEqual([
    'WEBHOOK_VERIFY_TOKEN: found nothing, allowed: the token of the handshake',
  ])
})

test('an empty variable counts as missing', () => {
  expect(issues({ WEBHOOK_VERIFY_TOKEN: '', PORT: '' })).toHaveLength(1)
})

test('every wrong variable has its line', () => {
  expect(issues({ PORT: '99999', LOG_LEVEL: 'loud', REDIS_PREFIX: 'a b' })).toEqual([
    'REDIS_PREFIX: found "a b", allowed: 1 to 64 letters, digits, _ or -',
    'LOG_LEVEL: found "loud", allowed: fatal, error, warn, info, debug, trace or silent',
    'PORT: found "99999", allowed: a whole number from 0 to 65535 (a port, 0 for a free one)',
  ])
})

test.each(['3000x', '3e3', '0x10', ' 3000', '1.5', '-1'])('PORT=%j is refused', (value) => {
  expect(issues({ PORT: value })).toHaveLength(1)
})

test.each(['localhost:6379', 'http://localhost', 'redis://', 'redis://a,b'])('REDIS_URL=%j is refused', (value) => {
  expect(issues({ REDIS_URL: value })).toHaveLength(1)
})

test('a secret is never shown, whatever is wrong with it', () => {
  const lines = issues({ REDIS_URL: 'redsi://user:hunter2@host' }).join('\n')
  expect(lines).toContain('REDIS_URL: found a value of 25 characters (not shown)')
  expect(lines).not.toContain('hunter2')
})

test('NAME_FILE stands for NAME, without its last newline', () => {
  expect(
    read({ WEBHOOK_VERIFY_TOKEN: undefined, WEBHOOK_VERIFY_TOKEN_FILE: file('from file\n') }).WEBHOOK_VERIFY_TOKEN,
  ).toBe('from file')
})

test('NAME and NAME_FILE together are refused', () => {
  expect(issues({ WEBHOOK_VERIFY_TOKEN_FILE: file('x') })).toEqual([
    'WEBHOOK_VERIFY_TOKEN: found both WEBHOOK_VERIFY_TOKEN and WEBHOOK_VERIFY_TOKEN_FILE, allowed: one of the two',
  ])
})

test('a NAME_FILE that cannot be read is named with its path', () => {
  expect(issues({ WEBHOOK_VERIFY_TOKEN: undefined, WEBHOOK_VERIFY_TOKEN_FILE: '/nowhere' })).toEqual([
    'WEBHOOK_VERIFY_TOKEN_FILE: found "/nowhere" (ENOENT), allowed: a file this process can read',
  ])
})

test('a whole number without a default is required', () => {
  const workers = { N: integer({ min: 1, max: 9 }) }
  expect(readEnvironment(workers, { N: '3' }).N).toBe(3)
  expect(() => readEnvironment(workers, {})).toThrow('N: found nothing, allowed: a whole number from 1 to 9')
})

test('a document says itself what is wrong with it, line by line, wherever it comes from', () => {
  const readCard = (content: string) =>
    content === 'good'
      ? ({ kind: 'read', value: 1 } as const)
      : ({ kind: 'refused', problems: ['line 2: found x', 'line 3: found y'] } as const)
  const variables = { CARD: document({ describe: 'a card', read: readCard }) }
  expect(readEnvironment(variables, {})).toEqual({ CARD: null })
  expect(readEnvironment(variables, { CARD_FILE: file('good\n') })).toEqual({ CARD: 1 })
  expect(() => readEnvironment(variables, { CARD: 'bad' })).toThrow('CARD: line 2: found x\nCARD: line 3: found y')
})
