import { expect, test } from 'vitest'

import { EXIT } from './failure.ts'
import { failureOf } from './problem.ts'

const problem = (status: number, code: string, more: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    type: `urn:chasqui:problem:${code}`,
    title: 'x',
    status,
    code,
    detail: `what ${code} means`,
    ...more,
  })

test.each<[number, string, keyof typeof EXIT]>([
  [400, 'invalid_request', 'refused'],
  [401, 'unauthorized', 'unauthorized'],
  [404, 'campaign_not_found', 'refused'],
  [409, 'wrong_status', 'refused'],
  [500, 'internal_error', 'unavailable'],
  [503, 'store_unavailable', 'unavailable'],
])('%i %s ends as %s', (status, code, exit) => {
  const failure = failureOf(status, problem(status, code), 'GET /x')
  expect([failure.exit, failure.message]).toEqual([exit, `what ${code} means (${code})`])
  expect(failure.problem).toMatchObject({ code, status })
})

test('the fields that are wrong are named', () => {
  const errors = [
    { pointer: '/template/name', detail: 'lower case' },
    { parameter: 'limit', detail: 'too large' },
    { detail: 'no' },
  ]
  expect(failureOf(400, problem(400, 'invalid_request', { errors }), 'POST /x').details).toEqual([
    '/template/name: lower case',
    'limit: too large',
    'the body: no',
  ])
})

test('an upload that broke off says how far it came', () => {
  const rejections = Array.from({ length: 12 }, (_, index) => ({ line: index + 2, message: 'to: too short' }))
  const { details } = failureOf(
    400,
    problem(400, 'body_broke_off', { accepted: 500, duplicates: 2, rejected: 12, rejections }),
    'POST /x',
  )
  expect(details[0]).toBe('Stored before that: 500 new, 2 known already, 12 rows refused.')
  expect(details.slice(1)).toEqual([
    ...Array.from({ length: 10 }, (_, index) => `line ${index + 2}: to: too short`),
    '…',
  ])
})

test.each([
  [502, '<html>Bad Gateway</html>', 'unavailable'],
  [404, '', 'refused'],
  [500, '{"error":"x"}', 'unavailable'],
  [400, '[1]', 'refused'],
])('%i from somebody else is told by its status', (status, body, exit) => {
  const failure = failureOf(status, body, 'GET /v1/senders')
  expect([failure.exit, failure.message, failure.problem]).toEqual([
    exit,
    `GET /v1/senders was answered with ${status}, and not by Chasqui's API`,
    null,
  ])
})

test('every way to end has a code of its own', () => {
  const codes = Object.values(EXIT)
  expect(new Set(codes).size).toBe(codes.length)
})
