import fc from 'fast-check'
import { expect, test } from 'vitest'

import { aheadOf, outlook } from './outlook.ts'
import type { OutlookInput } from './outlook.ts'

const NOW = 1_000_000_000_000
const RUNNING: OutlookInput = {
  now: NOW,
  status: 'running',
  pending: 8_000,
  pace: 40,
  startAt: null,
  notAfter: NOW + 300_000,
  ahead: 8_000,
  sender: { rate: 80, stands: null, restsUntil: 0 },
  halted: null,
}
const STILL = { ...RUNNING, pace: 0 }

test.each<[string, OutlookInput, ReturnType<typeof outlook>]>([
  ['moves: its pace tells', RUNNING, { eta: 200, slack: 100, standing: null }],
  ['has not moved yet: the limit of its sender tells', STILL, { eta: 100, slack: 200, standing: null }],
  ['shares its sender', { ...STILL, ahead: 24_000 }, { eta: 300, slack: 0, standing: null }],
  [
    'waits for its sender to rest',
    { ...STILL, sender: { rate: 80, stands: null, restsUntil: NOW + 60_000 } },
    { eta: 160, slack: 140, standing: null },
  ],
  ['is scheduled', { ...STILL, status: 'scheduled', startAt: NOW + 250_000 }, { eta: 350, slack: -50, standing: null }],
  ['is paused', { ...RUNNING, status: 'paused' }, { eta: null, slack: 200, standing: 'campaign_paused' }],
  [
    'is paused, and it is too late to go on',
    { ...RUNNING, status: 'paused', now: NOW + 250_000 },
    { eta: null, slack: -50, standing: 'campaign_paused' },
  ],
  [
    'has a paused sender',
    { ...RUNNING, sender: { rate: 80, stands: 'sender_paused', restsUntil: 0 } },
    { eta: null, slack: 200, standing: 'sender_paused' },
  ],
  [
    'has a blocked sender',
    { ...RUNNING, sender: { rate: 80, stands: 'sender_blocked', restsUntil: 0 } },
    { eta: null, slack: 200, standing: 'sender_blocked' },
  ],
  ['is stopped with everything', { ...RUNNING, halted: 'stopped' }, { eta: null, slack: 200, standing: 'stopped' }],
  [
    'is quarantined with everything',
    { ...RUNNING, halted: 'quarantined' },
    { eta: null, slack: 200, standing: 'quarantined' },
  ],
  [
    'has a sender nobody knows here',
    { ...STILL, sender: { rate: null, stands: null, restsUntil: 0 } },
    { eta: null, slack: 300, standing: null },
  ],
  ['has no deadline', { ...STILL, notAfter: null }, { eta: 100, slack: null, standing: null }],
  ['has nobody left to send to', { ...STILL, pending: 0, status: 'paused' }, { eta: 0, slack: 300, standing: null }],
  ['has ended', { ...STILL, status: 'canceled' }, { eta: 0, slack: null, standing: null }],
  ['only makes runs', { ...STILL, status: 'scheduled' }, { eta: null, slack: null, standing: null }],
])('a campaign that %s', (_what, input, expected) => {
  expect(outlook(input)).toEqual(expected)
})

test('campaigns of one sender share alike: a small one waits for as much of each other as it has itself', () => {
  expect(aheadOf(100, [100, 1_000_000])).toBe(200)
  expect(aheadOf(1_000_000, [100, 1_000_000])).toBe(1_000_100)
})

test('whatever holds, a campaign with a deadline and work left shows its time to spare, never more than the time left', () => {
  const some = fc.record({
    now: fc.constant(NOW),
    status: fc.constantFrom('running', 'paused'),
    pending: fc.integer({ min: 1, max: 1e6 }),
    pace: fc.constantFrom(0, 0.1, 80),
    startAt: fc.constantFrom(null, NOW - 1, NOW + 1_000),
    notAfter: fc.integer({ min: NOW - 1e6, max: NOW + 1e9 }),
    ahead: fc.integer({ min: 1, max: 1e7 }),
    sender: fc.record({
      rate: fc.constantFrom(null, 0.1, 80),
      stands: fc.constantFrom(null, 'sender_paused' as const, 'sender_blocked' as const),
      restsUntil: fc.constantFrom(0, NOW + 5_000),
    }),
    halted: fc.constantFrom(null, 'stopped' as const, 'quarantined' as const),
  })
  fc.assert(
    fc.property(some, (input) => {
      const { slack } = outlook(input)
      expect(slack).not.toBeNull()
      expect(slack).toBeLessThanOrEqual((input.notAfter - NOW) / 1_000)
    }),
  )
})
