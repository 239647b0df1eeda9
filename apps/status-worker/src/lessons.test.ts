import { encodeCallbackData, FACT } from '@chasqui/delivery'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { readBatch } from './lessons.ts'
import type { Batch } from './lessons.ts'

const AT = 1_800_000_000_000
const ENVIRONMENT = 'prod'
const METADATA = { phone_number_id: '106500000000001' }

function read(...values: readonly unknown[]): Batch {
  const text = JSON.stringify({ entry: [{ id: '1', changes: values.map((value) => ({ field: 'x', value })) }] })
  return readBatch([{ text, at: AT }], ENVIRONMENT)
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
      { ordinal: 7, attempt: 2, facts: FACT.sent, errorCode: 0 },
      { ordinal: 8, attempt: 2, facts: FACT.failed, errorCode: 131_026 },
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

test('nothing makes it throw', () => {
  const hostile = fc.oneof(
    fc.string(),
    fc.json(),
    fc.jsonValue().map((value) =>
      JSON.stringify({
        entry: [
          {
            changes: [
              { value: { statuses: [{ ...ours(1), errors: value, timestamp: value }], user_preferences: [value] } },
            ],
          },
        ],
      }),
    ),
  )
  fc.assert(
    fc.property(hostile, (text) => {
      expect(() => readBatch([{ text, at: AT }], ENVIRONMENT)).not.toThrow()
    }),
    { numRuns: 1_000 },
  )
})
