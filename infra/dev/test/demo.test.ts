import { expect, test } from 'vitest'
import type { CampaignReport } from '../demo/campaign.ts'
import { seriesByLabel } from '../demo/prometheus-text.ts'
import { verdict } from '../demo/summary.ts'
import { bar, tally } from '../demo/text.ts'
import { agrees, checkCampaign, checkInput, checkMetrics } from '../demo/verify.ts'
import type { Witness } from '../demo/witness.ts'

const REPORT: CampaignReport = {
  id: 'c1',
  name: 'demo',
  status: 'completed',
  reason: null,
  launchedAt: null,
  endedAt: null,
  counts: {
    recipients: 10,
    pending: 0,
    sending: 0,
    accepted: 7,
    unknown: 1,
    rejected: 2,
    expired: 0,
    suppressed: 0,
    canceled: 0,
  },
  delivery: { sent: 6, delivered: 5, read: 2, failed: 1, undelivered: 0, held: 0 },
  errors: { 131026: 1, 132012: 2 },
  route: { marketing_lite: 6, marketing: 0 },
  forecast: { finishAt: null, limitedBy: null },
}

const WITNESS: Witness = {
  requests: { received: 12, processed: 8, byOutcome: {}, byCode: {} },
  recipients: {
    seen: 10,
    doubled: 0,
    implied: { accepted: 7, unknown: 1, rejected: 2 },
    rejectedByCode: { 132012: 2 },
  },
  told: { sent: 6, delivered: 5, read: 2, failed: 1, held: 0, marketing_lite: 6, marketing: 0 },
  failedByCode: { told: { 131026: 1 } },
  rate: {},
  webhooks: {},
  witness: { loopDelayMaxMs: 0 },
}

const wrong = (report: CampaignReport, witness: Witness): string[] =>
  checkCampaign(report, 10, witness)
    .filter((check) => !agrees(check))
    .map(({ what }) => what)

test('a report that says what the ledger says agrees', () => {
  expect(wrong(REPORT, WITNESS)).toEqual([])
})

test.each([
  ['accepted', { ...REPORT, counts: { ...REPORT.counts, accepted: 8, unknown: 0 } }],
  ['read', { ...REPORT, delivery: { ...REPORT.delivery, read: 3 } }],
  ['error 132012', { ...REPORT, errors: { 131026: 1, 132012: 3 } }],
  ['error 131050', { ...REPORT, errors: { ...REPORT.errors, 131050: 1 } }],
  ['route marketing', { ...REPORT, route: { marketing_lite: 6, marketing: 1 } }],
  ['recipients, all counts added up', { ...REPORT, counts: { ...REPORT.counts, pending: 1 } }],
])('one number off is seen: %s', (what, report) => {
  expect(wrong(report, WITNESS)).toContain(what)
})

test('somebody who was written to twice is seen', () => {
  expect(wrong(REPORT, { ...WITNESS, recipients: { ...WITNESS.recipients, doubled: 1 } })).toEqual(['written to twice'])
})

test('a reason the generator knows nothing of is seen', () => {
  const upload = {
    rows: 3,
    accepted: 1,
    duplicates: 1,
    rejected: 1,
    reasons: { letters: 1 },
    warnings: {},
    ignoredColumns: [],
    rejections: [],
  }
  const truth = { rows: 3, recipients: 1, duplicates: 1, refused: { empty: 1 } }
  const off = checkInput(upload, truth).filter((check) => !agrees(check))
  expect(off.map(({ what }) => what)).toEqual(['refused empty', 'refused letters'])
})

test("Prometheus' series are read by campaign and label, and a missing one is seen", () => {
  const text = [
    '# TYPE chasqui_campaign_recipients gauge',
    'chasqui_campaign_recipients{campaign="c1",disposition="accepted"} 7',
    'chasqui_campaign_recipients{campaign="c2",disposition="accepted"} 99',
    'chasqui_campaign_recipients{disposition="rejected",campaign="c1"} 2',
  ].join('\n')
  const recipients = seriesByLabel(text, 'chasqui_campaign_recipients', 'c1', 'disposition')
  expect(recipients).toEqual({ accepted: 7, rejected: 2 })
  const off = checkMetrics(recipients, REPORT.delivery, REPORT).filter((check) => !agrees(check))
  expect(off.map(({ what }) => what)).toEqual(['recipients unknown'])
})

test('the verdict names each number that differs', () => {
  expect(
    verdict('x', [
      { what: 'read', ours: 1, theirs: 2 },
      { what: 'sent', ours: 3, theirs: 3 },
    ]),
  ).toEqual(['  ✗ x: 1 of 2 numbers differ', expect.stringMatching(/read +ours +1 +theirs +2/)])
})

test('a bar is as long as its share and a tally has the most frequent first', () => {
  expect([bar(0, 4), bar(0.5, 4), bar(1, 4), bar(2, 4)]).toEqual(['', '██', '████', '████'])
  expect(tally({ a: 1, none: 0, b: 1200 })).toBe('1,200 b, 1 a')
})
