import { describe, expect, test } from 'vitest'

import { forecast } from './forecast.ts'
import type { ForecastInput } from './forecast.ts'

const NOW = 1_000_000
const RUNNING: ForecastInput = {
  now: NOW,
  status: 'running',
  open: 1_000,
  startAt: null,
  notAfter: null,
  messagesPerSecond: 10,
  factor: 1,
  blockedUntil: null,
}

describe('a campaign is through', () => {
  test.each([
    ['when its sender has had time for what is open', {}, Math.ceil(NOW + 100_000), 'sender_rate'],
    ['later, when the endpoint asked for less', { factor: 0.5 }, Math.ceil(NOW + 200_000), 'sender_throttled'],
    [
      'later, when the sender is blocked for a while',
      { open: 1, blockedUntil: NOW + 60_000 },
      NOW + 60_100,
      'sender_blocked',
    ],
    [
      'at nobody knows what time, when it is blocked until somebody acts',
      { blockedUntil: 'open' },
      null,
      'sender_blocked',
    ],
    ['after its start', { status: 'scheduled', open: 10, startAt: NOW + 5_000 }, NOW + 6_000, 'not_started'],
    ['at its last safe moment at the latest', { notAfter: NOW + 50_000 }, NOW + 50_000, 'deadline'],
    ['whenever it is resumed', { status: 'paused' }, null, 'paused'],
    ['whenever it is launched', { status: 'draft' }, null, 'not_started'],
    ['already, when nothing is open', { open: 0 }, null, 'nothing'],
    ['already, when it was canceled', { status: 'canceled' }, null, 'nothing'],
  ] as const)('%s', (_name, change, finishAt, limitedBy) => {
    expect(forecast({ ...RUNNING, ...change })).toEqual({ finishAt, limitedBy })
  })
})
