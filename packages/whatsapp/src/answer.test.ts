import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { readAnswer } from './answer.ts'
import type { AnswerHeaders } from './answer.ts'

const read = (httpStatus: number, body: unknown, headers: AnswerHeaders = {}) =>
  readAnswer(httpStatus, headers, JSON.stringify(body))

const message = (more: Readonly<Record<string, unknown>> = {}): unknown => ({
  messaging_product: 'whatsapp',
  contacts: [{ input: '+5511912345678', wa_id: '5511912345678' }],
  messages: [{ id: 'wamid.c2FtcGxl', ...more }],
})

describe('a success', () => {
  const own = '00000000-0000-4000-8000-000000000001'
  const bsuid = { messaging_product: 'whatsapp', contacts: [{ input: 'BR.1', user_id: 'BR.1' }] }
  const TAKEN: ReadonlyArray<readonly [name: string, body: unknown, messageId: string, held: boolean]> = [
    ['with a status', message({ message_status: 'accepted' }), 'wamid.c2FtcGxl', false],
    ['without a status', message(), 'wamid.c2FtcGxl', false],
    ['held for quality', message({ message_status: 'held_for_quality_assessment' }), 'wamid.c2FtcGxl', true],
    ['paused', message({ message_status: 'paused' }), 'wamid.c2FtcGxl', true],
    ['with a status nobody has heard of', message({ message_status: 'on_the_moon' }), 'wamid.c2FtcGxl', false],
    ['to a business-scoped user id, without wa_id', { ...bsuid, messages: [{ id: 'wamid.b' }] }, 'wamid.b', false],
    ['without contacts', { messages: [{ id: 'wamid.n' }], contacts: [] }, 'wamid.n', false],
    ["with an extra 'success'", { success: true, messages: [{ id: 'wamid.s' }] }, 'wamid.s', false],
    ["with a provider's own id", { messages: [{ id: own }], messaging_product: 'whatsapp' }, own, false],
    ['with more than one message', { messages: [{ id: 'wamid.1' }, { odd: true }] }, 'wamid.1', false],
  ]

  test.each(TAKEN)('%s', (_name, body, messageId, held) => {
    expect(read(200, body)).toEqual({ kind: 'accepted', messageId, held })
  })

  test('is read the same to the letter as parsed, whatever its strings hold', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '"', '\\', '\u0000', 'é', 'a"},{"b":"'))
    const raw = fc.oneof(
      text,
      text.map((inner) => JSON.stringify(inner).slice(1, -1)),
    )
    fc.assert(
      fc.property(raw, raw, raw, fc.option(raw), (input, waId, id, status) => {
        const told = status === null ? '' : `,"message_status":"${status}"`
        const body = `{"messaging_product":"whatsapp","contacts":[{"input":"${input}","wa_id":"${waId}"}],"messages":[{"id":"${id}"${told}}]}`
        // A blank is enough to have it parsed.
        expect(readAnswer(200, {}, body)).toEqual(readAnswer(200, {}, ` ${body}`))
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('a Graph error, whatever its HTTP status', () => {
  const graph = (code: unknown, more: Readonly<Record<string, unknown>> = {}) => ({
    error: { message: 'a message', type: 'OAuthException', code, ...more },
  })
  const data = (details: string) => ({ error_data: { messaging_product: 'whatsapp', details }, fbtrace_id: 'A1' })

  const REFUSED: ReadonlyArray<readonly [name: string, status: number, body: unknown, code: number, details: string]> =
    [
      ['with details', 400, graph(131055, data('Only marketing templates')), 131055, 'Only marketing templates'],
      ['without details', 400, graph(100, { fbtrace_id: 'A1' }), 100, 'a message'],
      ['with a subcode', 400, graph(130429, { ...data('too fast'), error_subcode: 2494055 }), 130429, 'too fast'],
      ['of message and code alone', 403, { error: { message: 'short', code: 131056 } }, 131056, 'short'],
      ['of a code alone', 400, { error: { code: 131053 } }, 131053, ''],
      ['code 0', 403, graph(0), 0, 'a message'],
      ['a code as text', 400, graph('132015'), 132015, 'a message'],
      ['without error_data, said explicitly', 401, graph(190, { error_data: null }), 190, 'a message'],
      ['as 401', 401, graph(104), 104, 'a message'],
      ['as 403', 403, graph(368), 368, 'a message'],
      ['as 429', 429, graph(613), 613, 'a message'],
      ['as 500', 500, graph(134102, data('not eligible')), 134102, 'not eligible'],
      ['as 503', 503, graph(2), 2, 'a message'],
      ['as 200', 200, graph(131000), 131000, 'a message'],
      ['wrapped by a provider', 400, { detail: graph(100, data('not a template')) }, 100, 'not a template'],
      ['wrapped, about terms', 403, { detail: graph(131055) }, 131055, 'a message'],
    ]

  test.each(REFUSED)('%s', (_name, httpStatus, body, code, details) => {
    expect(read(httpStatus, body)).toEqual({ kind: 'refused', code, httpStatus, details, waitMs: null })
  })
})

describe('an answer that says nothing of the message is lost', () => {
  const LOST: ReadonlyArray<readonly [name: string, httpStatus: number, body: string]> = [
    ['nothing', 200, ''],
    ['half of a success', 200, '{"messaging_product":"whatsapp","messages":[{"id":"wamid.c2'],
    ['HTML as a success', 200, '<html>OK</html>'],
    ['a success without messages', 200, '{"messaging_product":"whatsapp","messages":[]}'],
    ['a success without an id', 200, '{"messages":[{}]}'],
    ['a success with an empty id', 200, '{"messages":[{"id":""}]}'],
    ['a success with a number for an id', 200, '{"messages":[{"id":7}]}'],
    ['an answer to another question', 200, '{"data":[{"id":"1","message_id":"wamid.c2FtcGxl"}]}'],
    ["another provider's 202", 202, '{"status":"submitted","messageId":"00000000-0000-4000-8000-000000000001"}'],
    ['a success that is not a 200', 201, '{"messages":[{"id":"wamid.c2FtcGxl"}]}'],
    ['a success under a 500', 500, '{"messages":[{"id":"wamid.c2FtcGxl"}]}'],
    ['a redirect', 302, ''],
    ["a provider's error without a code", 400, '{"status":"error","message":"MM lite is not enabled for this app"}'],
    ["a provider's 401", 401, '{"message":"Authentication Failed","status":"error"}'],
    ["a provider's 429", 429, '{"message":"Too Many Requests","status":"error"}'],
    ["a provider's 500", 500, '{"status":"error","message":"Internal server error"}'],
    ['a page that is not there', 404, '<html>not found</html>'],
    ["a load balancer's page", 502, '<html><body><h1>502 Bad Gateway</h1></body></html>'],
    ['a proxy with text for an error', 504, '{"error":"proxy timeout"}'],
    ['null', 500, 'null'],
    ['a list', 500, '[null]'],
    ['a code that is none', 500, '{"error":{"code":"many"}}'],
    ['a code with a fraction', 500, '{"error":{"code":1.5}}'],
  ]

  test.each(LOST)('%s', (_name, httpStatus, body) => {
    const reason = httpStatus === 200 ? 'unreadable_success' : `http_${httpStatus}_without_graph_error`
    expect(readAnswer(httpStatus, {}, body)).toEqual({ kind: 'lost', reason })
  })
})

describe('how long to wait', () => {
  const wait = (headers: AnswerHeaders): number | null => {
    const outcome = read(400, { error: { code: 4 } }, headers)
    return outcome.kind === 'refused' ? outcome.waitMs : -1
  }
  const usage = (...minutes: readonly number[]): string =>
    JSON.stringify({
      '102200000000001': minutes.map((estimate) => ({
        type: 'whatsapp',
        call_count: 1,
        total_cputime: 1,
        total_time: 1,
        estimated_time_to_regain_access: estimate,
      })),
    })

  test.each<readonly [string, AnswerHeaders, number | null]>([
    ['nothing is said', {}, null],
    ['seconds', { 'retry-after': '120' }, 120_000],
    ['parts of a second', { 'retry-after': '0.5' }, 500],
    ['several headers: the first', { 'retry-after': ['3', '90'] }, 3_000],
    ['a day at most', { 'retry-after': '9999999' }, 86_400_000],
    ['nothing that is a number', { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }, null],
    ['less than nothing', { 'retry-after': '-5' }, null],
    ['minutes of the account, the longest of them', { 'x-business-use-case-usage': usage(0, 7, 2) }, 7 * 60_000],
    ['an account that has not used much', { 'x-business-use-case-usage': usage(0) }, null],
    ['an account header that cannot be read', { 'x-business-use-case-usage': '{{{' }, null],
    ['both: seconds win', { 'retry-after': '1', 'x-business-use-case-usage': usage(7) }, 1_000],
  ])('%s', (_name, headers, expected) => {
    expect(wait(headers)).toBe(expected)
  })
})

describe('total', () => {
  const status = fc.integer({ min: 100, max: 999 })
  const headers = fc.dictionary(
    fc.constantFrom('retry-after', 'x-business-use-case-usage', 'x-other'),
    fc.oneof(fc.string(), fc.array(fc.string())),
  )
  const value = fc.jsonValue()
  const body = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    value.map((error) => JSON.stringify({ error })),
    value.map((code) => JSON.stringify({ error: { code } })),
    value.map((messages) => JSON.stringify({ messages })),
  )

  test('whatever comes has a name, and only a 200 with an id is an acceptance', () => {
    fc.assert(
      fc.property(status, headers, body, (httpStatus, given, text) => {
        const outcome = readAnswer(httpStatus, given, text)
        expect(['accepted', 'refused', 'lost']).toContain(outcome.kind)
        if (outcome.kind === 'accepted') expect([httpStatus, outcome.messageId.length > 0]).toEqual([200, true])
        if (outcome.kind !== 'refused') return
        expect(Number.isSafeInteger(outcome.code)).toBe(true)
        expect(outcome.waitMs ?? 1).toBeGreaterThan(0)
        expect(outcome.waitMs ?? 1).toBeLessThanOrEqual(99_999 * 60_000)
      }),
      { numRuns: 2_000 },
    )
  })
})
