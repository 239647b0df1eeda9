import { expect, test } from 'vitest'
import { redact, redactText } from './redact.ts'

test.each([
  'to',
  'phone',
  'accessToken',
  'access_token',
  'Authorization',
  'wamid',
  'body',
  'X-Hub-Signature-256',
  'recipient_id',
])('the value under %s is replaced, at any depth', (key) => {
  expect(redact({ [key]: 'private', kept: 1, deep: { list: [{ [key]: 'private' }] } })).toEqual({
    [key]: '[redacted]',
    kept: 1,
    deep: { list: [{ [key]: '[redacted]' }] },
  })
})

test('counts, ids and times pass', () => {
  const line = {
    campaign: 'k3x9-abc',
    recipients: 5000,
    sender: 'main-br',
    afterMs: 1_763_700_000_000,
    ok: true,
    nothing: null,
  }
  expect(redact(line)).toEqual(line)
})

test('an error keeps its kind, message, code and causes, and drops what a library hung on it', () => {
  const cause = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
  const error = Object.assign(new Error('ERR for +5511912345678', { cause }), {
    command: { name: 'set', args: ['5511912345678'] },
  })
  const clean = redact({ err: error }) as { err: Record<string, unknown> }
  expect(clean.err).toMatchObject({
    type: 'Error',
    message: 'ERR for [redacted]',
    cause: { message: 'write EPIPE', code: 'EPIPE' },
  })
  expect(JSON.stringify(clean)).not.toContain('5511912345678')
})

test.each([
  ['sent to +5511912345678 again', 'sent to [redacted] again'],
  ['id wamid.HBgNNTUxMTkxMjM0NTY3OBUCABEYEjA=, twice', 'id [redacted], twice'],
  ['authorization: Bearer EAAG.x-y_z', 'authorization: Bearer [redacted]'],
  ['connect to redis://user:pass@host:6379 failed', 'connect to redis://[redacted]@host:6379 failed'],
  ['1763700000000 +12', '1763700000000 +12'],
])('%s', (text, clean) => {
  expect(redactText(text)).toBe(clean)
})

test('a cycle ends', () => {
  const loop: Record<string, unknown> = {}
  loop['again'] = loop
  expect(JSON.stringify(redact(loop))).toContain('[…]')
})
