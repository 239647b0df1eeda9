import { expect, test } from 'vitest'

import { formatSender } from './sender-report.ts'

test('what comes back on a number: replies, clicks and failures in words, nothing that is zero', () => {
  const sender = {
    id: 'main',
    messagingLimit: { limit: 'TIER_100K', at: '2026-11-20T10:00:00.000Z' },
    replies: { taps: 1_200, messages: 3, reactions: 0 },
    clicks: { links: 40, landingPages: 2 },
    failures: [
      { code: 130_429, refused: 7, failed: 0, meaning: 'not looked at', whatToDo: 'not looked at' },
      { code: 131_026, refused: 0, failed: 500 },
      { code: null, refused: 0, failed: 501 },
    ],
  }
  expect(formatSender(sender)).toEqual([
    '',
    "main: Meta's limit of people a day is TIER_100K",
    '',
    'main: replies  1,200 taps, 3 messages',
    '',
    'main: clicks  40 links, 2 landing pages  (Meta does not tell of which campaign)',
    '',
    'main: refused by the endpoint, last 7 days',
    "  130429             7  the number's throughput limit is reached",
    '',
    'main: failed by webhook, last 7 days',
    '  others           501  many other codes',
    '                        → look at the logs',
    '  131026           500  undeliverable: not on WhatsApp, an old client, or terms not accepted',
    '                        → take the number out of the list; it may be tried again after some weeks',
  ])
})

test.each([
  ['nothing has come back', { replies: { taps: 0 }, clicks: {}, failures: [], messagingLimit: null }],
  ['an older API', {}],
  ['something else', { replies: 'x', failures: 7, messagingLimit: [] }],
])('%s: no line', (_what, sender) => {
  expect(formatSender({ id: 'main', ...sender })).toEqual([])
})
