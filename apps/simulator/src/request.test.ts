import { expect, test } from 'vitest'
import { readRequest } from './request.ts'
import type { Incoming, Rules } from './request.ts'

const RULES: Rules = { tokens: ['t1', 't2'], tokensExpired: false, callbackData: 'echo' }

const BODY = {
  messaging_product: 'whatsapp',
  recipient_type: 'individual',
  to: '+5511912345678',
  type: 'template',
  template: {
    name: 'bf_2026',
    language: { code: 'pt_BR', policy: 'deterministic' },
    components: [
      { type: 'header', parameters: [{ type: 'image', image: { link: 'https://example.com/a.png' } }] },
      {
        type: 'body',
        parameters: [
          { type: 'text', text: 'Ana' },
          { type: 'currency', currency: { fallback_value: '$1', code: 'USD', amount_1000: 1000 } },
        ],
      },
      { type: 'button', sub_type: 'url', index: 0, parameters: [{ type: 'text', text: 'x' }] },
      {
        type: 'carousel',
        cards: [{ card_index: 0, components: [{ type: 'body', parameters: [{ type: 'text', text: 'one' }] }] }],
      },
    ],
  },
  product_policy: 'STRICT',
  message_activity_sharing: true,
  biz_opaque_callback_data: 'v1.chasqui.c1.0.1',
}

const INCOMING: Incoming = {
  method: 'POST',
  url: '/v25.0/106540352242922/marketing_messages',
  authorization: 'Bearer t2',
  contentType: 'application/json',
  body: JSON.stringify(BODY),
}

function body(change: object): Incoming {
  return { ...INCOMING, body: JSON.stringify({ ...BODY, ...change }) }
}

function template(change: object): Incoming {
  return body({ template: { ...BODY.template, ...change } })
}

function parameter(value: object): Incoming {
  return template({ components: [{ type: 'body', parameters: [value] }] })
}

test('a full request is read', () => {
  expect(readRequest(INCOMING, RULES)).toEqual({
    ok: true,
    send: {
      phoneNumberId: '106540352242922',
      phone: 5_511_912_345_678,
      template: 'bf_2026',
      callbackData: 'v1.chasqui.c1.0.1',
      mayFallBack: false,
      bodyParameters: 2,
    },
  })
})

test('a request with nothing optional is read, and may fall back', () => {
  const { messaging_product, recipient_type, to, type } = BODY
  const least = {
    messaging_product,
    recipient_type,
    to,
    type,
    template: { name: 'hello_world', language: { code: 'en' } },
  }
  expect(readRequest({ ...INCOMING, body: JSON.stringify(least) }, RULES)).toMatchObject({
    ok: true,
    send: { mayFallBack: true, callbackData: '', bodyParameters: 0 },
  })
})

const long = 'x'.repeat(513)

test.each<[string, Incoming, number]>([
  ['another method', { ...INCOMING, method: 'GET' }, 100],
  ['another edge', { ...INCOMING, url: '/v25.0/106540352242922/messages' }, 100],
  ['no version', { ...INCOMING, url: '/106540352242922/marketing_messages' }, 100],
  ['a query', { ...INCOMING, url: `${INCOMING.url}?access_token=t1` }, 100],
  ['no token', { ...INCOMING, authorization: undefined }, 104],
  ['a strange token', { ...INCOMING, authorization: 'Bearer t3' }, 190],
  ['a token without its scheme', { ...INCOMING, authorization: 't1' }, 190],
  ['no content type', { ...INCOMING, contentType: undefined }, 100],
  ['a form', { ...INCOMING, contentType: 'application/x-www-form-urlencoded' }, 100],
  ['no JSON', { ...INCOMING, body: '{' }, 100],
  ['JSON that is no object', { ...INCOMING, body: '[]' }, 100],
  ['an unknown field', body({ ttl: 1 }), 100],
  ['another product', body({ messaging_product: 'messenger' }), 100],
  ['a group', body({ recipient_type: 'group' }), 100],
  ['no recipient', body({ to: undefined }), 100],
  ['a recipient without +', body({ to: '5511912345678' }), 131009],
  ['a recipient with blanks', body({ to: '+55 11 91234-5678' }), 131009],
  ['a number as recipient', body({ to: 5_511_912_345_678 }), 131009],
  ['a text message', body({ type: 'text' }), 100],
  ['a strange policy', body({ product_policy: 'strict' }), 100],
  ['activity sharing as text', body({ message_activity_sharing: 'true' }), 100],
  ['callback data that is too long', body({ biz_opaque_callback_data: long }), 100],
  ['no template', body({ template: undefined }), 131008],
  ['a template without a name', template({ name: undefined }), 131008],
  ['a template name in capitals', template({ name: 'BF' }), 100],
  ['a template without a language', template({ language: undefined }), 131008],
  ['a language as text', template({ language: 'pt_BR' }), 100],
  ['an unknown language field', template({ language: { code: 'en', locale: 'en' } }), 100],
  ['an unknown template field', template({ namespace: 'n' }), 100],
  ['components that are no list', template({ components: {} }), 100],
  ['an unknown component', template({ components: [{ type: 'footer', parameters: [] }] }), 100],
  ['a component without parameters', template({ components: [{ type: 'body' }] }), 131008],
  ['a button without its kind', template({ components: [{ type: 'button', index: '0', parameters: [] }] }), 100],
  ['a parameter without a type', parameter({ text: 'x' }), 131008],
  ['an unknown parameter type', parameter({ type: 'sticker', sticker: {} }), 100],
  ['a parameter type that is a name of Object.prototype', parameter({ type: 'constructor' }), 100],
  ['an empty text', parameter({ type: 'text', text: '' }), 131008],
  ['a number as text', parameter({ type: 'text', text: 5 }), 132012],
  ['a text that is too long', parameter({ type: 'text', text: 'x'.repeat(1025) }), 132005],
  ['a text of two lines', parameter({ type: 'text', text: 'a\nb' }), 132018],
  ['a text with five blanks', parameter({ type: 'text', text: 'a     b' }), 132018],
  ['an unknown parameter field', parameter({ type: 'text', text: 'x', bold: true }), 100],
  ['an image without a link', parameter({ type: 'image', image: {} }), 132012],
])('refuses %s', (_, incoming, code) => {
  const reading = readRequest(incoming, RULES)
  expect(reading.ok ? 'read' : reading.error.code).toBe(code)
})

test('callback data is echoed, refused or dropped as told; the ledger always sees it', () => {
  expect(readRequest(INCOMING, { ...RULES, callbackData: 'drop' })).toMatchObject({
    ok: true,
    send: { callbackData: BODY.biz_opaque_callback_data },
  })
  expect(readRequest(INCOMING, { ...RULES, callbackData: 'refuse' })).toMatchObject({
    ok: false,
    error: { code: 100, details: 'Unexpected key "biz_opaque_callback_data" on param root.' },
    mentioned: { callbackData: BODY.biz_opaque_callback_data, phone: 5_511_912_345_678 },
  })
})

test('expired tokens are told from strange ones', () => {
  const reading = readRequest(INCOMING, { ...RULES, tokensExpired: true })
  expect(reading).toMatchObject({ ok: false, error: { code: 190 } })
  expect(reading.ok ? 0 : reading.error.subcode).toBeUndefined()
})
