import { describe, expect, test } from 'vitest'

import { cronProblem } from './cron.ts'
import { notAfterOf } from './deadline.ts'
import { brokenPlaceholder, placeholderColumns, splitPlaceholders } from './placeholder.ts'
import { columnsOf, readSpec } from './spec.ts'

const CAMPAIGN = {
  name: 'black-friday-br',
  sender: 'main-br',
  template: {
    name: 'bf_2026',
    language: 'pt_BR',
    components: [{ type: 'body', parameters: [{ type: 'text', text: '{{first_name}}' }] }],
  },
  templateTtlSeconds: 86_400,
  sendBy: '2026-11-27T23:59:00-03:00',
  deliverBy: '2026-11-28T23:59:00-03:00',
  schedule: { startAt: '2026-11-27T09:00:00-03:00' },
  productPolicy: 'STRICT',
  messageActivitySharing: true,
  onUnknown: 'keep',
  priority: 'normal',
}

function problems(change: Readonly<Record<string, unknown>>): string[] {
  const reading = readSpec({ ...CAMPAIGN, ...change })
  return reading.kind === 'spec' ? [] : reading.problems.map(({ pointer }) => pointer)
}

describe('a campaign', () => {
  test('as the contract writes it is read as it is', () => {
    const reading = readSpec(CAMPAIGN)
    expect(reading).toEqual({ kind: 'spec', spec: CAMPAIGN })
    expect(reading.kind === 'spec' && columnsOf(reading.spec)).toEqual(['first_name'])
  })

  test('needs little; the rest is the safe choice', () => {
    const reading = readSpec({ name: 'x', sender: 's', template: { name: 't', language: 'en' } })
    expect(reading).toEqual({
      kind: 'spec',
      spec: {
        name: 'x',
        sender: 's',
        template: { name: 't', language: 'en', components: [] },
        productPolicy: 'STRICT',
        onUnknown: 'keep',
        priority: 'normal',
      },
    })
  })

  test.each([
    [{ name: ' ' }, '/name'],
    [{ name: 'a\u0000b' }, '/name'],
    [{ sender: 'a b' }, '/sender'],
    [{ sendby: '2026-11-27T23:59:00-03:00' }, '/sendby'],
    [{ template: { name: 'T', language: 'en' } }, '/template/name'],
    [{ template: { name: 't', language: 'English' } }, '/template/language'],
    [{ template: { name: 't', language: 'en', 'a/b': 1 } }, '/template/a~1b'],
    [{ template: { name: 't', language: 'en', components: [{ parameters: [] }] } }, '/template/components/0'],
    [
      { template: { name: 't', language: 'en', components: [{ type: 'body', text: '{{first name}' }] } },
      '/template/components',
    ],
    [
      { template: { name: 't', language: 'en', components: [{ type: 'body', text: '{{to}}' }] } },
      '/template/components',
    ],
    [{ templateTtlSeconds: 3_600 }, '/templateTtlSeconds'],
    [{ templateTtlSeconds: 2_592_001, schedule: undefined }, '/templateTtlSeconds'],
    [{ templateTtlSeconds: undefined }, '/templateTtlSeconds'],
    [{ sendBy: '2026-11-27 23:59' }, '/sendBy'],
    [{ sendBy: '2026-11-27T23:59:00' }, '/sendBy'],
    [{ schedule: {} }, '/schedule/startAt'],
    [{ schedule: { cron: '0 9 * * MON' } }, '/schedule/timezone'],
    [{ schedule: { cron: '0 9 * * MON', timezone: 'Mars/Olympus' } }, '/schedule/timezone'],
    [{ schedule: { cron: '0 9 * *', timezone: 'America/Sao_Paulo' } }, '/schedule/cron'],
    [{ schedule: { startAt: '2026-11-28T09:00:00-03:00' } }, '/schedule'],
    [{ productPolicy: 'ANY' }, '/productPolicy'],
    [{ onUnknown: 'retry' }, '/onUnknown'],
    [{ priority: 5 }, '/priority'],
  ])('%j is refused at %s', (change, pointer) => expect(problems(change)).toEqual([pointer]))

  test('every mistake is told at once', () => {
    expect(problems({ name: '', sender: '', priority: 'urgent', x: 1 }).sort()).toEqual([
      '/name',
      '/priority',
      '/sender',
      '/x',
    ])
  })

  test('that is no object is refused at its root', () => {
    expect(readSpec([])).toMatchObject({ kind: 'refused', problems: [{ pointer: '' }] })
  })

  test('a schedule by cron is taken with a time zone', () => {
    expect(problems({ schedule: { cron: '0 9 * * MON', timezone: 'America/Sao_Paulo' } })).toEqual([])
  })
})

describe('no message is handed over', () => {
  test('after sendBy', () =>
    expect(notAfterOf({ sendBy: '2026-11-27T23:59:00-03:00' })).toBe(Date.UTC(2026, 10, 28, 2, 59)))
  test('nor later than the template may take until deliverBy', () => {
    expect(
      notAfterOf({ sendBy: '2026-11-28T00:00:00Z', deliverBy: '2026-11-28T12:00:00Z', templateTtlSeconds: 86_400 }),
    ).toBe(Date.UTC(2026, 10, 27, 12))
  })
  test('at any time, when neither is given', () => expect(notAfterOf({})).toBeNull())
})

describe('placeholders', () => {
  test('are found anywhere in strings, each once, and not in keys', () => {
    expect(placeholderColumns([{ '{{key}}': 'Hi {{ first name }}, {{b}}{{b}}' }, ['{{c}}', 3, null]])).toEqual([
      'first name',
      'b',
      'c',
    ])
  })
  test.each(['{{', '{{}}', '{{ }}', '{{a}', '}}', '{{a}}}}'])('%j is broken', (text) =>
    expect(brokenPlaceholder({ text })).toBe(text),
  )
  test.each(['{a}', 'a { b } c', '{{a}}', 'x{{a}}y{{b}}'])('%j is not', (text) =>
    expect(brokenPlaceholder([text])).toBeNull(),
  )
  test('cut a text into what stays and what is filled', () => {
    expect(splitPlaceholders('Hi {{name}}!{{x}}')).toEqual([
      { literal: 'Hi ' },
      { column: 'name' },
      { literal: '!' },
      { column: 'x' },
    ])
    expect(splitPlaceholders('plain')).toEqual([{ literal: 'plain' }])
  })
})

describe('cron', () => {
  test.each(['0 9 * * MON', '*/15 8-18 1,15 JAN-MAR 1-5', '59 23 31 12 7', '0 0 * * sun'])('%s is read', (pattern) =>
    expect(cronProblem(pattern)).toBeNull(),
  )
  test.each([
    '',
    '* * * *',
    '0 0 9 * * MON',
    '60 9 * * *',
    '0 24 * * *',
    '0 9 0 * *',
    '0 9 * 13 *',
    '0 9 * * 8',
    '0 9 * * FUN',
    '9-5 * * * *',
    '*/0 * * * *',
    'a,b * * * *',
    '@daily',
  ])('%j is not', (pattern) => expect(cronProblem(pattern)).toBeTypeOf('string'))
})
