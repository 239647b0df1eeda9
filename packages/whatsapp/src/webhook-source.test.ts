import { describe, expect, test } from 'vitest'

import { STATUS_SAMPLES } from '../test/webhook-samples.ts'
import { decodeWebhook } from './webhook-decode.ts'
import { appSecrets, signBody } from './webhook-signature.ts'
import { authenticate, judgeByHead, metaSource, passedOnSource, unwrap } from './webhook-source.ts'

const BODY = Buffer.from('{"entry":[]}')
const META = metaSource(appSecrets(['an app secret']))
const GUPSHUP = passedOnSource('gupshup', 'x-webhook-secret', ['the old secret', 'the new secret'])

describe('a body that a provider passed on', () => {
  test.each([
    ['the secret', { 'x-webhook-secret': 'the new secret' }, 'genuine'],
    ['the one before, while it is replaced', { 'x-webhook-secret': 'the old secret' }, 'genuine'],
    ['another', { 'x-webhook-secret': 'the new secreT' }, 'wrong'],
    ['its beginning', { 'x-webhook-secret': 'the new' }, 'wrong'],
    ['it twice, joined by node', { 'x-webhook-secret': 'the new secret, the new secret' }, 'wrong'],
    ['it twice, as a list', { 'x-webhook-secret': ['the new secret', 'the new secret'] }, 'malformed'],
    ['none', {}, 'missing'],
    ['nothing in it', { 'x-webhook-secret': '' }, 'missing'],
    ['Meta’s signature instead', { 'x-hub-signature-256': signBody(BODY, 'the new secret') }, 'missing'],
  ] as const)('is judged by its header: %s', (_name, headers, verdict) => {
    expect(authenticate(GUPSHUP, headers, BODY)).toBe(verdict)
    expect(judgeByHead(GUPSHUP, headers)).toBe(verdict)
  })

  test('without any secret is never genuine', () => {
    const closed = passedOnSource('360dialog', 'x-webhook-secret', [])
    expect(authenticate(closed, { 'x-webhook-secret': 'x' }, BODY)).toBe('wrong')
  })
})

test('Meta’s own is judged by its signature alone', () => {
  const signed = { 'x-hub-signature-256': signBody(BODY, 'an app secret') }
  expect(authenticate(META, signed, BODY)).toBe('genuine')
  expect([judgeByHead(META, signed), judgeByHead(META, {})]).toEqual(['open', 'missing'])
  expect(authenticate(META, signed, Buffer.from('{"entry":[ ]}'))).toBe('wrong')
  expect(authenticate(META, { 'x-webhook-secret': 'an app secret' }, BODY)).toBe('missing')
})

test('what is passed on says the same as when Meta posts it', () => {
  const passedOn = Buffer.from(JSON.stringify({ ...(STATUS_SAMPLES.sentWithConversation as object), gs_app_id: 'app' }))
  const [event] = ((decoded) => (decoded.kind === 'events' ? decoded.events : []))(
    decodeWebhook(unwrap(GUPSHUP, passedOn).toString()),
  )
  expect(event).toMatchObject({ kind: 'status', status: 'sent', messageId: 'wamid.c2FtcGxl' })
})
