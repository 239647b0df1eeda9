import type { Json } from '@chasqui/campaign'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { compileMessage } from './compose.ts'
import type { MessageSpec } from './compose.ts'

const greeting: readonly Json[] = [{ type: 'body', parameters: [{ type: 'text', text: '{{first_name}}' }] }]

function spec(components: readonly Json[] | undefined, more: Partial<MessageSpec> = {}): MessageSpec {
  return { template: { name: 'seasonal_promo', language: 'en', components }, productPolicy: 'STRICT', ...more }
}

function fill(
  given: MessageSpec,
  columns: Readonly<Record<string, string>>,
  callbackData: string | null = 'v1.chasqui.c1.a.1',
): string {
  return compileMessage(given)({ to: 16505551234, valueOf: (column) => columns[column] ?? '', callbackData })
}

/** What arrived in the template's components, read back from the JSON text. */
function componentsOf(text: string): unknown {
  return (JSON.parse(text) as { template: { components?: unknown } }).template.components
}

describe('the request body', () => {
  test('is what the endpoint documents, byte for byte', () => {
    const text = fill(
      spec(greeting, { productPolicy: 'CLOUD_API_FALLBACK', messageActivitySharing: true }),
      { first_name: 'Pablo' },
      'v1.chasqui.c42.7sh.1',
    )
    expect(text).toBe(
      '{"messaging_product":"whatsapp","recipient_type":"individual","to":"+16505551234","type":"template",' +
        '"template":{"name":"seasonal_promo","language":{"policy":"deterministic","code":"en"},' +
        '"components":[{"type":"body","parameters":[{"type":"text","text":"Pablo"}]}]},' +
        '"product_policy":"CLOUD_API_FALLBACK","message_activity_sharing":true,' +
        '"biz_opaque_callback_data":"v1.chasqui.c42.7sh.1"}',
    )
  })

  test('says nothing of components that there are not', () => {
    for (const components of [undefined, []]) expect(componentsOf(fill(spec(components), {}))).toBeUndefined()
  })

  test('leaves the sharing of activity to the account where the campaign says nothing', () => {
    expect(fill(spec(greeting), {})).not.toContain('message_activity_sharing')
    expect(fill(spec(greeting, { messageActivitySharing: false }), {})).toContain('"message_activity_sharing":false')
  })

  test('leaves the callback data out where the sender says so', () => {
    const text = fill(spec(greeting), {}, null)
    expect(text).not.toContain('biz_opaque_callback_data')
    expect(text.endsWith('"product_policy":"STRICT"}')).toBe(true)
  })

  test('keeps what a component holds beside its strings', () => {
    const components: readonly Json[] = [
      { type: 'button', sub_type: 'url', index: 0, flags: [true, false, null], nested: { amount_1000: 25_000 } },
      { type: 'empty', parameters: [], more: {} },
    ]
    expect(componentsOf(fill(spec(components), {}))).toEqual(components)
  })
})

describe('placeholders', () => {
  const parameter = (text: string): readonly Json[] => [{ type: 'text', text }]

  test('are filled wherever they stand in a string, at any depth, as often as they stand there', () => {
    expect(componentsOf(fill(spec(parameter('{{a}}, hello {{b}}{{ a }}!')), { a: 'Ada', b: 'Bo' }))).toEqual(
      parameter('Ada, hello BoAda!'),
    )
    const image = (name: string): readonly Json[] => [
      { type: 'header', parameters: [{ type: 'image', image: { link: `https://example.com/${name}.png` } }] },
    ]
    expect(componentsOf(fill(spec(image('{{picture}}')), { picture: 'cat' }))).toEqual(image('cat'))
  })

  test('in the names of fields stay as they are', () => {
    const components: readonly Json[] = [{ type: 'text', '{{a}}': 'x' }]
    expect(componentsOf(fill(spec(components), { a: 'Ada' }))).toEqual(components)
  })

  test('that a value brings along are text', () => {
    expect(componentsOf(fill(spec(parameter('{{a}}')), { a: '{{b}}', b: 'no' }))).toEqual(parameter('{{b}}'))
  })

  test('find columns of any name', () => {
    for (const name of [
      'código',
      'first name',
      'a.b',
      '$&',
      '__proto__',
      'constructor',
      '"quoted"',
      '名',
      '0',
      'a|b',
    ]) {
      const columns = new Map([[name, 'found']])
      const compose = compileMessage(spec(parameter(`<{{${name}}}>`)))
      const text = compose({ to: 1, valueOf: (column) => columns.get(column) ?? 'missing', callbackData: null })
      expect(componentsOf(text)).toEqual(parameter('<found>'))
    }
  })
})

describe('values', () => {
  const NASTY = [
    'quote " and backslash \\',
    'new\nline, return\r, tab\t, bell\u0007, null\u0000',
    'emoji 🎉 and flags 🇧🇷, family 👨‍👩‍👧',
    'half a pair \ud83c, the other half \udf89',
    'separators \u2028 \u2029, BOM \ufeff',
    'right to left עברית, Việt, 日本',
    '$& $1 $$ %s',
    '","product_policy":"CLOUD_API_FALLBACK',
  ]

  test.each(NASTY)('%j arrives as it is', (value) => {
    const text = fill(spec(greeting), { first_name: value })
    expect(componentsOf(text)).toEqual([{ type: 'body', parameters: [{ type: 'text', text: value }] }])
    // As bytes: a lone half of a pair must not become a replacement character on the way.
    expect(JSON.parse(Buffer.from(text, 'utf8').toString('utf8'))).toEqual(JSON.parse(text))
  })

  /** Replaces placeholders in the plain way, over the parsed value. */
  function filled(value: Json, columns: Readonly<Record<string, string>>): Json {
    if (typeof value === 'string')
      return value.replaceAll(/\{\{(\w)\}\}/g, (_match, name: string) => columns[name] ?? '')
    if (Array.isArray(value)) return (value as readonly Json[]).map((part) => filled(part, columns))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, filled(part, columns)]))
  }

  test('any components and any values: the same as filling them in and writing JSON', () => {
    const any = fc.string({ unit: 'binary' })
    const piece = fc.oneof(any, fc.constantFrom('{{a}}', '{{b}}', '"', '\\', '\ud800'))
    const text = fc.array(piece, { maxLength: 5 }).map((parts) => parts.join(''))
    // JSON has no -0.
    const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)
    const { json } = fc.letrec<{ json: Json }>((tie) => ({
      json: fc.oneof(
        { depthSize: 'small' },
        text,
        fc.boolean(),
        fc.constant(null),
        number,
        fc.array(tie('json'), { maxLength: 3 }),
        fc.dictionary(fc.string(), tie('json'), { maxKeys: 3, noNullPrototype: true }),
      ),
    }))
    fc.assert(
      fc.property(fc.array(json, { minLength: 1, maxLength: 4 }), any, any, (components, a, b) => {
        // A placeholder with braces around it is refused before a campaign is taken.
        fc.pre(!/\{\{\{|\}\}\}/.test(JSON.stringify(components)))
        expect(componentsOf(fill(spec(components), { a, b }))).toEqual(filled(components, { a, b }))
      }),
      { numRuns: 500 },
    )
  })
})
