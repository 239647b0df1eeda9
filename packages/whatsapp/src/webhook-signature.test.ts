import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { answerHandshake } from './webhook-handshake.ts'
import { appSecrets, signatureForm, signBody, verifySignature } from './webhook-signature.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8')
const ours = appSecrets(['an app secret'])

describe('published vectors', () => {
  const VECTORS: readonly (readonly [name: string, secret: string, body: string, header: string])[] = [
    [
      'compact',
      'test_app_secret',
      '{"object":"whatsapp_business_account","entry":[]}',
      'dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756',
    ],
    [
      'with spaces',
      'test_app_secret',
      '{"object": "whatsapp_business_account", "entry": []}',
      '56cbbaf4961c6cfdae48b7f116c047e5eb513d2c931baae63a2bc1afd26f803a',
    ],
    [
      'unicode escape',
      's3cr3t',
      '{"a":"caf\\u00e9"}',
      '21ebd8c946d33e2e753547c540be64f844b5d061f445389af6f4178b6356d89d',
    ],
    ['empty', 's3cr3t', '', '3c81cc9496e1c25250f6ccb85f697c1bb623e3480d6538ad8cb6a6648142777d'],
  ]

  test.each(VECTORS)('%s', (_name, secret, body, digest) => {
    expect(verifySignature(bytes(body), `sha256=${digest}`, appSecrets([secret]))).toBe('genuine')
  })

  test('the same JSON in another spelling is another body', () => {
    for (const [, secret, body, digest] of VECTORS.slice(1, 3)) {
      const respelled = JSON.stringify(JSON.parse(body))
      expect(verifySignature(bytes(respelled), `sha256=${digest}`, appSecrets([secret]))).toBe('wrong')
    }
  })
})

describe('the header', () => {
  const body = bytes('{"entry":[]}')
  const good = signBody(body, 'an app secret')
  const hex = good.slice('sha256='.length)

  test.each([
    ['as Meta sends it', good, 'genuine'],
    ['hex in upper case', `sha256=${hex.toUpperCase()}`, 'genuine'],
    ['missing', undefined, 'missing'],
    ['empty', '', 'missing'],
    ['twice, joined by node', `${good}, ${good}`, 'malformed'],
    ['twice, as a list', [good, good], 'malformed'],
    ['sha1', `sha1=${hex.slice(0, 40)}`, 'malformed'],
    ['sha1 with a long digest', `sha1=${hex}`, 'malformed'],
    ['no scheme', hex, 'malformed'],
    ['scheme in upper case', `SHA256=${hex}`, 'malformed'],
    ['too short', good.slice(0, -2), 'malformed'],
    ['too long', `${good}00`, 'malformed'],
    ['not hex', `sha256=${'zz'.repeat(32)}`, 'malformed'],
    ['a line break behind', `${good}\n`, 'malformed'],
    ['another body', signBody('{"entry":[ ]}', 'an app secret'), 'wrong'],
    ['another secret', signBody(body, 'another secret'), 'wrong'],
  ] as const)('%s', (_name, header, verdict) => {
    expect(verifySignature(body, header, ours)).toBe(verdict)
    expect(signatureForm(header)).toBe(verdict === 'genuine' || verdict === 'wrong' ? 'present' : verdict)
  })

  test('any of the secrets will do, and none is none', () => {
    const both = appSecrets(['the new one', 'an app secret'])
    expect(verifySignature(body, good, both)).toBe('genuine')
    expect(verifySignature(body, signBody(body, 'the new one'), both)).toBe('genuine')
    expect(verifySignature(body, good, [])).toBe('wrong')
  })

  test('one flipped bit anywhere, in the body or in the signature, is noticed', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.nat(),
        fc.boolean(),
        (content, position, inBody) => {
          const signature = Buffer.from(signBody(content, 'an app secret').slice(7), 'hex')
          const victim = inBody ? content : signature
          const bit = position % (victim.length * 8)
          victim[bit >> 3] = (victim[bit >> 3] ?? 0) ^ (1 << (bit & 7))
          expect(verifySignature(content, `sha256=${signature.toString('hex')}`, ours)).toBe('wrong')
        },
      ),
    )
  })
})

describe('the handshake', () => {
  const asked = (more: Readonly<Record<string, unknown>>): Record<string, unknown> => ({
    'hub.mode': 'subscribe',
    'hub.verify_token': 'a token',
    'hub.challenge': '1158201444',
    ...more,
  })

  test('the challenge comes back', () => {
    expect(answerHandshake(asked({}), 'a token')).toEqual({ kind: 'challenge', challenge: '1158201444' })
  })

  test.each([
    ['another mode', { 'hub.mode': 'unsubscribe' }, 'mode'],
    ['no mode', { 'hub.mode': undefined }, 'mode'],
    ['a wrong token', { 'hub.verify_token': 'a tokem' }, 'token'],
    ['the beginning of the token', { 'hub.verify_token': 'a toke' }, 'token'],
    ['no token', { 'hub.verify_token': undefined }, 'token'],
    ['two tokens', { 'hub.verify_token': ['a token', 'a token'] }, 'token'],
    ['markup', { 'hub.challenge': '<script>alert(1)</script>' }, 'challenge'],
    ['an endless challenge', { 'hub.challenge': '1'.repeat(257) }, 'challenge'],
    ['no challenge', { 'hub.challenge': undefined }, 'challenge'],
  ])('%s is refused', (_name, more, reason) => {
    expect(answerHandshake(asked(more), 'a token')).toEqual({ kind: 'refused', reason })
  })
})
