import { expect, test } from 'vitest'

import { formatLogLine, formatProgress, formatReport, formatTable } from './format.ts'
import { readReport, settledOf } from './report.ts'
import type { Report } from './report.ts'

const answer = {
  id: 'mf1abc',
  name: 'black-friday',
  sender: 'main-br',
  status: 'running',
  reason: null,
  createdAt: '2026-11-27T11:00:00.000Z',
  launchedAt: '2026-11-27T12:00:00.000Z',
  startAt: null,
  counts: {
    recipients: 100_000,
    pending: 40_000,
    sending: 120,
    accepted: 57_000,
    unknown: 3,
    rejected: 800,
    expired: 0,
    suppressed: 2_077,
    canceled: 0,
  },
  delivery: { sent: 56_500, delivered: 51_000, read: 20_000, failed: 700, undelivered: 0, held: 0 },
  errors: { '131026': 500, '132012': 800 },
  route: { marketing_lite: 56_000, marketing: 500 },
  replies: { taps: 510, messages: 51, reactions: 0 },
  unknown: { callback_data: 40, message_id: 0, kept: 3 },
  duplicates: 0,
  cost: { currency: 'USD', amount: '3187.50', billable: 50_990, unpriced: 7, free: 10, untold: 0, items: [] },
  intake: { rows: 100_010, accepted: 100_000, duplicates: 10, rejected: 0, reasons: {} },
  forecast: { finishAt: '2026-11-27T12:20:00.000Z', limitedBy: 'sender_rate' },
  runs: [],
  somethingNewer: true,
}

const report = readReport(answer)

test('a report for people: every number with its share, errors with their meaning, nothing that is zero', () => {
  expect(formatReport(report)).toEqual([
    'black-friday  mf1abc',
    'running  ·  sender main-br',
    '  created   2026-11-27T11:00:00.000Z',
    '  launched  2026-11-27T12:00:00.000Z',
    '',
    'recipients               100,000  100.0 %',
    '  pending                 40,000   40.0 %',
    '  sending                    120    0.1 %',
    '  accepted                57,000   57.0 %',
    '  unknown                      3    0.0 %',
    '  rejected                   800    0.8 %',
    '  suppressed               2,077    2.1 %',
    '',
    'of the accepted',
    '  sent                    56,500   99.1 %',
    '  delivered               51,000   89.5 %',
    '  read                    20,000   35.1 %',
    '  failed                     700    1.2 %',
    '',
    'route',
    '  marketing_lite          56,000   98.2 %',
    '  marketing                  500    0.9 %',
    '',
    'replies',
    '  taps                       510    1.0 %',
    '  messages                    51    0.1 %',
    '',
    'lost answers, by what settled them',
    '  callback_data               40',
    '  kept                         3',
    '',
    'cost  3187.50 USD',
    '  billable                50,990',
    '  without a price              7',
    '  free                        10',
    '',
    'errors',
    "  132012           800  a template parameter's format does not match",
    "                        → compare the format of the template's parameters with the columns",
    '  131026           500  undeliverable: not on WhatsApp, an old client, or terms not accepted',
    '                        → take the number out of the list; it may be tried again after some weeks',
    '',
    'rows taken in',
    '  rows                   100,010  100.0 %',
    '  accepted               100,000  100.0 %',
    '  duplicates                  10    0.0 %',
    '',
    'through about 2026-11-27T12:20:00.000Z (limited by sender_rate)',
  ])
})

test('without a rate card no cost is made up; an older API tells of none', () => {
  const cost = { currency: null, amount: null, billable: 5, unpriced: 5, free: 0, untold: 2 }
  const lines = formatReport(readReport({ ...answer, cost }))
  expect(lines).toContain('cost  no rate card')
  expect(lines).toContain('  price not told               2')
  expect(formatReport(readReport({ ...answer, cost: undefined })).join('\n')).not.toContain('cost')
})

test('recipients that got two messages are told of, and by an older API none', () => {
  expect(formatReport(readReport({ ...answer, duplicates: 2 }))).toContain('2 recipients got two messages')
  const older = readReport({ ...answer, duplicates: undefined, replies: undefined, unknown: undefined })
  expect(formatReport(older).join('\n')).not.toMatch(/two messages|replies|lost answers/)
})

test('a campaign without a recipient divides by nothing', () => {
  const draft = readReport({ id: 'a', status: 'draft', counts: { recipients: 0 } })
  expect(formatReport(draft).join('\n')).toContain('recipients                     0')
  expect(formatProgress(draft, null)).toBe('draft  0 of 0')
})

test('a line of progress says how far, how fast and until when', () => {
  expect(settledOf(report)).toBe(59_880)
  expect(formatProgress(report, 79.6)).toBe(
    'running  59,880 of 100,000 (59.9 %)  ·  accepted 57,000  ·  rejected 800  ·  unknown 3  ·  suppressed 2,077  ·  80/s  ·  through about 2026-11-27T12:20:00.000Z',
  )
  expect(formatProgress({ ...report, status: 'paused', reason: 'code_132015' }, null)).toMatch(
    /^paused \(code_132015\)  /,
  )
})

test('a line of a log can be taken apart by a program', () => {
  const line = formatLogLine({ ...report, counts: { recipients: 10, accepted: 4 }, reason: 'by hand' }, 3.2, 'T')
  expect(line).toBe(
    'T status=running reason="by hand" recipients=10 accepted=4 per_second=3 finish_at=2026-11-27T12:20:00.000Z',
  )
})

test('columns stand below each other, numbers to the right', () => {
  expect(
    formatTable(
      ['id', 'n'],
      [
        ['a', 5],
        ['long', 12_345],
      ],
    ),
  ).toEqual(['id         n', 'a          5', 'long  12,345'])
  expect(formatTable(['id', 'n'], [])).toEqual(['id  n'])
})

test.each<[string, unknown]>([
  ['nothing', null],
  ['a list', []],
  ['a page', '<html>'],
  ['another document', { id: 7 }],
])('%s is no campaign', (_what, odd) => {
  expect(() => readReport(odd)).toThrow(/no campaign/)
})

test('fields of another type are left out rather than shown', () => {
  const odd: Report = readReport({
    id: 'a',
    status: 'running',
    counts: { recipients: 'many', accepted: 1 },
    errors: [],
    runs: 'x',
    forecast: 1,
  })
  expect(odd).toMatchObject({ counts: { accepted: 1 }, errors: {}, runs: [], finishAt: null, limitedBy: '' })
})
