import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { compileMessage } from './compose.ts'

const components = [
  { type: 'header', parameters: [{ type: 'image', image: { link: 'https://example.com/{{picture}}' } }] },
  {
    type: 'body',
    parameters: [
      { type: 'text', text: 'Olá {{first_name}}, {{ code }}!' },
      { type: 'currency', currency: { amount_1000: 25_000 } },
    ],
  },
]

function bodyOf(
  row: Readonly<Record<string, string>>,
  more: Partial<Parameters<typeof compileMessage>[0]> = {},
  callbackData: string | null = 'v1.p.c.1.1',
): unknown {
  const compose = compileMessage({
    template: { name: 'bf_2026', language: 'pt_BR', components },
    productPolicy: 'STRICT',
    ...more,
  })
  return JSON.parse(compose({ to: 5_511_912_345_678, valueOf: (column) => row[column] ?? '', callbackData }))
}

describe('composing', () => {
  test('is the body of the reference, with the columns filled in', () => {
    expect(bodyOf({ first_name: 'José', code: 'X7', picture: 'a.png' }, { messageActivitySharing: true })).toEqual({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: '+5511912345678',
      type: 'template',
      template: {
        name: 'bf_2026',
        language: { policy: 'deterministic', code: 'pt_BR' },
        components: [
          { type: 'header', parameters: [{ type: 'image', image: { link: 'https://example.com/a.png' } }] },
          {
            type: 'body',
            parameters: [
              { type: 'text', text: 'Olá José, X7!' },
              { type: 'currency', currency: { amount_1000: 25_000 } },
            ],
          },
        ],
      },
      product_policy: 'STRICT',
      message_activity_sharing: true,
      biz_opaque_callback_data: 'v1.p.c.1.1',
    })
  })

  test('leaves out what is not given', () => {
    const bare = bodyOf({}, { template: { name: 't', language: 'en' }, productPolicy: 'CLOUD_API_FALLBACK' }, null)
    expect(bare).toEqual({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: '+5511912345678',
      type: 'template',
      template: { name: 't', language: { policy: 'deterministic', code: 'en' } },
      product_policy: 'CLOUD_API_FALLBACK',
    })
  })

  test('fills strings and never keys', () => {
    const odd = [{ type: 'body', '{{first_name}}': '{{first_name}}' }]
    expect(bodyOf({ first_name: 'A' }, { template: { name: 't', language: 'en', components: odd } })).toMatchObject({
      template: { components: [{ '{{first_name}}': 'A' }] },
    })
  })

  test('any text of a row, and any of the template, arrives as it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }).filter((text) => !/[{}]/.test(text)),
        (value, literal) => {
          const filled = bodyOf(
            { x: value },
            {
              template: {
                name: 't',
                language: 'en',
                components: [{ type: 'body', text: `${literal}{{x}}${literal}` }],
              },
            },
          )
          expect(filled).toMatchObject({ template: { components: [{ text: `${literal}${value}${literal}` }] } })
        },
      ),
    )
  })
})
