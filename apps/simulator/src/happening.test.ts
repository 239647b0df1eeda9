import { expect, test } from 'vitest'
import { defaultConfig } from './config.ts'
import { happening, happeningBody, stopOf } from './happening.ts'

const NOW = 1_795_000_000_900

function changeOf(order: object): { readonly field: string; readonly value: Record<string, unknown> } {
  const body = JSON.parse(happeningBody(defaultConfig(), happening.parse(order), NOW)) as {
    entry: [{ id: string; time: number; changes: [{ field: string; value: Record<string, unknown> }] }]
  }
  expect(body).toMatchObject({
    object: 'whatsapp_business_account',
    entry: [{ id: '102290129340398', time: 1_795_000_000 }],
  })
  return body.entry[0].changes[0]
}

test('a stop is told with the number in both of its places', () => {
  const { field, value } = changeOf({
    kind: 'user_preferences',
    recipient: '+16505551234',
    value: 'stop',
    timestamp: 7,
  })
  expect(field).toBe('user_preferences')
  expect(value['user_preferences']).toEqual([
    {
      wa_id: '16505551234',
      detail: 'User requested to stop marketing messages',
      category: 'marketing_messages',
      value: 'stop',
      timestamp: 7,
    },
  ])
  expect(value['contacts']).toEqual([{ wa_id: '16505551234' }])
})

test.each<[object, string, object]>([
  [
    { kind: 'template_status', template: 'bf', language: 'pt_BR', event: 'PAUSED', title: 'FIRST_PAUSE' },
    'message_template_status_update',
    {
      event: 'PAUSED',
      message_template_name: 'bf',
      message_template_language: 'pt_BR',
      reason: 'NONE',
      other_info: { title: 'FIRST_PAUSE' },
    },
  ],
  [
    { kind: 'template_quality', template: 'bf', previous: 'GREEN', next: 'RED' },
    'message_template_quality_update',
    { previous_quality_score: 'GREEN', new_quality_score: 'RED' },
  ],
  [
    { kind: 'template_category', template: 'bf', previous: 'UTILITY', next: 'MARKETING' },
    'template_category_update',
    { previous_category: 'UTILITY', new_category: 'MARKETING' },
  ],
  [
    {
      kind: 'account',
      event: 'ACCOUNT_RESTRICTION',
      restriction: { type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: 9 },
    },
    'account_update',
    {
      event: 'ACCOUNT_RESTRICTION',
      restriction_info: [{ restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: 9 }],
    },
  ],
  [
    { kind: 'phone_number_quality', event: 'THROUGHPUT_UPGRADE', limit: 'TIER_UNLIMITED' },
    'phone_number_quality_update',
    {
      display_phone_number: '15550783881',
      event: 'THROUGHPUT_UPGRADE',
      max_daily_conversations_per_business: 'TIER_UNLIMITED',
    },
  ],
  [{ kind: 'value_errors', code: 130429 }, 'messages', { errors: [{ code: 130429, title: 'Rate limit hit' }] }],
  [
    { kind: 'link_click', clickId: 'c' },
    'messages',
    { user_actions: [{ action_type: 'marketing_messages_link_click' }] },
  ],
  [
    { kind: 'button', recipient: '+16505551234', wamid: 'wamid.1', text: 'Stop', payload: 'STOP' },
    'messages',
    {
      messages: [
        { type: 'button', from: '16505551234', context: { id: 'wamid.1' }, button: { payload: 'STOP', text: 'Stop' } },
      ],
    },
  ],
  [
    { kind: 'status', wamid: 'wamid.x', status: 'failed', code: 131026 },
    'messages',
    { statuses: [{ id: 'wamid.x', status: 'failed', timestamp: '1795000000', errors: [{ code: 131026 }] }] },
  ],
])('%j', (order, field, value) => {
  const change = changeOf(order)
  expect(change.field).toBe(field)
  expect(change.value).toMatchObject(value)
})

test('raw is posted as it is, JSON or not', () => {
  expect(happeningBody(defaultConfig(), { kind: 'raw', body: 'not json' }, NOW)).toBe('not json')
  expect(happeningBody(defaultConfig(), { kind: 'raw', body: { a: [1] } }, NOW)).toBe('{"a":[1]}')
})

test('only a stop or a resume is remembered', () => {
  expect(stopOf(happening.parse({ kind: 'user_preferences', recipient: '+16505551234', value: 'resume' }))).toEqual({
    phone: 16_505_551_234,
    stopped: false,
  })
  expect(stopOf({ kind: 'raw', body: null })).toBeNull()
})

test('an order with a typing error is refused', () => {
  expect(
    happening.safeParse({ kind: 'user_preferences', recipient: '+16505551234', value: 'stop', when: 1 }).success,
  ).toBe(false)
  expect(happening.safeParse({ kind: 'user_preferences', recipient: '16505551234', value: 'stop' }).success).toBe(false)
})
