import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { readAnswer } from './answer.ts'

const ACCEPTED = {
  messaging_product: 'whatsapp',
  contacts: [{ input: '+16505550100', wa_id: '16505550100' }],
  messages: [{ id: 'wamid.A1', message_status: 'accepted' }],
}

function graph(code: unknown, more: object = {}): string {
  return JSON.stringify({ error: { message: '(#1) x', type: 'OAuthException', code, fbtrace_id: 'A', ...more } })
}

describe('reading an answer', () => {
  test.each([
    ['with a status', ACCEPTED, false],
    ['without a status', { ...ACCEPTED, messages: [{ id: 'wamid.A1' }] }, false],
    ['with success: true', { ...ACCEPTED, success: true }, false],
    ['with empty contacts', { ...ACCEPTED, contacts: [] }, false],
    ['with a user id in place of a number', { ...ACCEPTED, contacts: [{ input: 'US.1', user_id: 'US.1' }] }, false],
    [
      'held for quality',
      { ...ACCEPTED, messages: [{ id: 'wamid.A1', message_status: 'held_for_quality_assessment' }] },
      true,
    ],
    ['paused', { ...ACCEPTED, messages: [{ id: 'wamid.A1', message_status: 'paused' }] }, true],
  ])('accepted %s', (_name, body, held) => {
    expect(readAnswer(200, {}, JSON.stringify(body))).toEqual({ kind: 'accepted', messageId: 'wamid.A1', held })
  })

  test.each([
    [
      'with details',
      400,
      graph(130_429, { error_data: { messaging_product: 'whatsapp', details: 'Too fast' } }),
      130_429,
      'Too fast',
    ],
    ['without error_data', 400, graph(100), 100, '(#1) x'],
    ['with code 0', 401, graph(0), 0, '(#1) x'],
    ['with a code of digits as text', 400, graph('132015'), 132_015, '(#1) x'],
    ['with error_data null', 400, graph(100, { error_data: null }), 100, '(#1) x'],
    [
      'wrapped by a provider',
      400,
      JSON.stringify({ detail: { error: { code: 131_055, message: 'terms' } } }),
      131_055,
      'terms',
    ],
    ['as HTTP 500', 500, graph(134_102), 134_102, '(#1) x'],
    ['under a 200', 200, graph(131_026), 131_026, '(#1) x'],
  ])('refused %s', (_name, status, body, code, details) => {
    expect(readAnswer(status, {}, body)).toEqual({ kind: 'refused', code, httpStatus: status, details, waitMs: null })
  })

  test.each([
    ['an error that is a word', 504, '{"error":"Gateway Timeout"}'],
    ['a page of a proxy', 502, '<html>Bad Gateway</html>'],
    ['a 4xx page', 404, '<html>not found</html>'],
    ["a provider's own shape", 500, '{"status":"error","message":"oops"}'],
    ['an empty 200', 200, ''],
    ['a 200 that breaks off', 200, JSON.stringify(ACCEPTED).slice(0, -9)],
    ['a 200 without an id', 200, '{"messages":[{}]}'],
    ['a 200 without messages', 200, '{"messages":[]}'],
    ['a code that is no number', 400, graph('abc')],
    ['a success body under a 500', 500, JSON.stringify(ACCEPTED)],
  ])('lost: %s', (_name, status, body) => {
    expect(readAnswer(status, {}, body).kind).toBe('lost')
  })

  test.each([
    [{ 'retry-after': '120' }, 120_000],
    [{ 'retry-after': 'soon' }, null],
    [{ 'retry-after': '-5' }, null],
    [{ 'retry-after': '99999999' }, 86_400_000],
    [
      {
        'x-business-use-case-usage':
          '{"1":[{"type":"whatsapp","estimated_time_to_regain_access":0},{"estimated_time_to_regain_access":3}]}',
      },
      180_000,
    ],
    [{ 'x-business-use-case-usage': '{"1":[{"estimated_time_to_regain_access":0}]}' }, null],
  ])('a wait asked for by %j', (headers, waitMs) => {
    expect(readAnswer(400, headers, graph(4))).toMatchObject({ waitMs })
  })

  test('nothing makes it throw, and only a message id under a 200 is an acceptance', () => {
    const bodies = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify({ messages: value, error: value, detail: value })),
    )
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), bodies, (status, body) => {
        const outcome = readAnswer(status, {}, body)
        expect(outcome.kind === 'accepted' ? status : 200).toBe(200)
      }),
    )
  })
})
