import { encodeCallbackData } from '@chasqui/delivery'
import { expect, test } from 'vitest'

import { outlineOf } from './outline.ts'

const NUMBER = '5511912345678'

function bodyOf(statuses: readonly unknown[]): Buffer {
  const value = { metadata: { display_phone_number: NUMBER, phone_number_id: '1065' }, statuses }
  return Buffer.from(JSON.stringify({ entry: [{ id: '7', changes: [{ field: 'messages', value }] }] }))
}

const ours = encodeCallbackData({ environment: 'prod', campaignId: 'abc', ordinal: 7, attempt: 1 })
const failed = {
  status: 'failed',
  id: `wamid.${NUMBER}`,
  recipient_id: NUMBER,
  timestamp: '1750000000',
  errors: [{ code: 131_026, message: `cannot reach ${NUMBER}` }],
  biz_opaque_callback_data: ours,
}

test.each([
  [bodyOf([failed]), 'status failed (131026) at 2025-06-15T15:06:40.000Z, campaign abc recipient 7 of prod'],
  [bodyOf([{ status: 'sent', biz_opaque_callback_data: NUMBER }]), 'status sent, no callback data of ours'],
  [bodyOf([{ status: NUMBER }]), 'status other, no callback data of ours'],
  [bodyOf([NUMBER]), 'unreadable status'],
  [
    bodyOf(Array.from({ length: 7 }, () => ({ status: 'read' }))),
    /^(?:status read, no callback data of ours; ){5}2 more$/,
  ],
  [Buffer.from(`{"to": ${NUMBER}`), 'no JSON'],
  [Buffer.from(`{"to": ${NUMBER}}`), 'JSON of an unknown shape'],
  [Buffer.from('{"entry":[]}'), 'an empty envelope'],
])('a letter in a line, without who it is about', (body, line) => {
  const outline = outlineOf(body)
  if (typeof line === 'string') expect(outline).toBe(line)
  else expect(outline).toMatch(line)
  expect(outline).not.toContain(NUMBER)
})
