import { encodeCallbackData, FACT } from '@chasqui/delivery'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { readBatch } from './lessons.ts'
import type { Batch } from './lessons.ts'

const AT = 1_800_000_000_000
const ENVIRONMENT = 'prod'
const READING = { environment: ENVIRONMENT, optOutWords: new Set(['stop']) }
const METADATA = { phone_number_id: '106500000000001' }

function read(...values: readonly unknown[]): Batch {
  const text = JSON.stringify({ entry: [{ id: '1', changes: values.map((value) => ({ field: 'x', value })) }] })
  return readBatch([{ text, at: AT }], READING)
}

function ours(ordinal: number, more: object = {}): object {
  const data = { environment: ENVIRONMENT, campaignId: 'c1', ordinal, attempt: 2 }
  return {
    id: 'w',
    status: 'sent',
    timestamp: '1799999990',
    biz_opaque_callback_data: encodeCallbackData(data),
    ...more,
  }
}

const reasons = (batch: Batch): string[] => batch.unmatched.map(({ reason }) => reason)

describe('statuses', () => {
  test('of ours become lessons of their campaign, and tell how far webhooks flow', () => {
    const batch = read({
      metadata: METADATA,
      statuses: [ours(7), ours(8, { status: 'failed', timestamp: '1799999999', errors: [{ code: '131026' }] })],
    })
    expect(batch.matched.get('c1')?.map(({ lesson }) => lesson)).toEqual([
      { ordinal: 7, attempt: 2, facts: FACT.sent, errorCode: 0, prices: 0 },
      { ordinal: 8, attempt: 2, facts: FACT.failed, errorCode: 131_026, prices: 0 },
    ])
    expect([...batch.flow]).toEqual([['106500000000001', 1_799_999_999_000]])
    expect([...batch.seen]).toEqual([
      ['sent', 1],
      ['failed', 1],
    ])
  })

  test('of others are told apart by why they are not ours', () => {
    const other = encodeCallbackData({ environment: 'staging', campaignId: 'c1', ordinal: 1, attempt: 1 })
    const batch = read({
      statuses: [
        ours(0, { biz_opaque_callback_data: undefined }),
        ours(0, { biz_opaque_callback_data: 'order-17' }),
        ours(0, { biz_opaque_callback_data: other }),
      ],
    })
    expect(reasons(batch)).toEqual(['no_callback_data', 'foreign_callback_data', 'other_environment'])
    expect(batch.matched.size).toBe(0)
    // Nor do they tell that the webhooks of our messages flow.
    expect(batch.flow.size).toBe(0)
  })

  test('of a place that Redis has no byte for are of nobody', () => {
    expect(reasons(read({ statuses: [ours(2 ** 29 - 1), ours(2 ** 29), ours(36 ** 8 - 1)] }))).toEqual([
      'unknown_recipient',
      'unknown_recipient',
    ])
  })
})

describe('words about marketing', () => {
  const word = (more: object): unknown => ({
    user_preferences: [{ wa_id: '16505550100', value: 'stop', timestamp: 1_799_999_990, ...more }],
  })

  test.each([
    ['stop', {}, [{ number: 16_505_550_100, value: 'stop', at: 1_799_999_990_000 }]],
    ['resume', { value: 'resume' }, [{ number: 16_505_550_100, value: 'resume', at: 1_799_999_990_000 }]],
    ['undated: when it was taken in', { timestamp: undefined }, [{ number: 16_505_550_100, value: 'stop', at: AT }]],
    [
      'of the far future: a minute ahead',
      { timestamp: 4e9 },
      [{ number: 16_505_550_100, value: 'stop', at: AT + 60_000 }],
    ],
    ['signup', { value: 'signup' }, []],
    [
      'of marketing',
      { category: 'marketing_messages' },
      [{ number: 16_505_550_100, value: 'stop', at: 1_799_999_990_000 }],
    ],
    ['of another kind of messages', { category: 'service_messages', value: 'resume' }, []],
    ['by a username', { wa_id: '' }, []],
    ['by no number', { wa_id: '1650x' }, []],
  ])('%s', (_name, more, expected) => {
    expect(read(word(more)).words).toEqual(expected)
  })

  test('131050 is one, whoever sent the message', () => {
    const failed = { status: 'failed', errors: [{ code: 131_050 }], recipient_id: '16505550100' }
    const batch = read({ statuses: [ours(1, failed), ours(1, { ...failed, biz_opaque_callback_data: 'order-17' })] })
    const stop = { number: 16_505_550_100, value: 'stop', at: 1_799_999_990_000 }
    expect(batch.words).toEqual([stop, stop])
  })
})

describe('what people write and tap', () => {
  const message = (more: object): Batch =>
    read({
      metadata: METADATA,
      messages: [{ id: 'in.1', from: '16505550100', timestamp: '1799999990', type: 'text', ...more }],
    })
  const reply = {
    phoneNumberId: '106500000000001',
    messageId: 'in.1',
    from: 16_505_550_100,
    at: 1_799_999_990_000,
  }

  test.each([
    ['a tap', { type: 'button', context: { id: 'out.1' } }, { ...reply, kind: 'tap', answers: 'out.1' }],
    ['a choice', { type: 'interactive', context: { id: 'out.1' } }, { ...reply, kind: 'tap', answers: 'out.1' }],
    ['words out of the blue', { text: { body: 'hi' } }, { ...reply, kind: 'message', answers: null }],
    ['a picture', { type: 'image', context: { id: 'o' } }, { ...reply, kind: 'message', answers: 'o' }],
    [
      'a reaction',
      { type: 'reaction', reaction: { message_id: 'out.1', emoji: 'x' } },
      { ...reply, kind: 'reaction', answers: 'out.1' },
    ],
    ['by a username', { from: undefined }, { ...reply, kind: 'message', from: null, answers: null }],
    ['the platform’s own', { type: 'system' }, null],
    ['what it cannot tell', { type: 'unsupported' }, null],
    ['of tomorrow', { type: 'telepathy' }, null],
    ['without an id', { id: undefined }, null],
  ])('%s', (_name, more, expected) => {
    expect(message(more).replies).toEqual(expected === null ? [] : [expected])
  })

  test.each([
    ['what they write', { text: { body: ' Stop ' } }],
    ['a button’s payload', { type: 'button', button: { payload: 'STOP', text: 'No more' } }],
    ['a button’s text', { type: 'button', button: { payload: 'x17', text: 'Stop' } }],
    ['a choice’s id', { type: 'interactive', interactive: { button_reply: { id: 'stop', title: 'No more' } } }],
    ['a choice’s title', { type: 'interactive', interactive: { list_reply: { id: '3', title: 'STOP' } } }],
  ])('an opt-out word counts in %s', (_name, more) => {
    expect(message(more).words).toEqual([{ number: 16_505_550_100, value: 'stop', at: 1_799_999_990_000 }])
  })

  test('a text that only holds such a word is none', () => {
    expect(message({ text: { body: 'when does the bus stop' } }).words).toEqual([])
  })

  test('clicks are told apart by what they carry', () => {
    const click = (more: object, type = 'marketing_messages_link_click'): object => ({
      action_type: type,
      timestamp: '1799999990',
      marketing_messages_link_click_data: { click_component: 'cta', ...more },
    })
    const { clicks } = read({
      metadata: METADATA,
      user_actions: [
        click({ click_id: 'a' }),
        click({ click_id: 'a' }),
        click({ click_id: 'b' }),
        click({}),
        click({}, 'landing_page_view'),
        click({}, 'some_future_action'),
      ],
    })
    expect(clicks.map(({ kind }) => kind)).toEqual(['link', 'link', 'link', 'link', 'landing_page'])
    expect(new Set(clicks.map(({ identity }) => identity)).size).toBe(4)
  })
})

test('nothing makes it throw', () => {
  const hostile = fc.oneof(
    fc.string(),
    fc.json(),
    fc.jsonValue().map((value) =>
      JSON.stringify({
        entry: [
          {
            changes: [
              {
                value: {
                  statuses: [{ ...ours(1), errors: value, timestamp: value }],
                  user_preferences: [value],
                  messages: [value, { id: 'x', type: 'text', text: value, button: value, interactive: value }],
                  user_actions: [value],
                },
              },
            ],
          },
        ],
      }),
    ),
  )
  fc.assert(
    fc.property(hostile, (text) => {
      expect(() => readBatch([{ text, at: AT }], READING)).not.toThrow()
    }),
    { numRuns: 1_000 },
  )
})
