import { expect, test } from 'vitest'

import { isRequestError, noteRefusals, REFUSAL_RUN_LIMITS, refusalHoldMs } from './refusal-runs.ts'
import type { RefusalRuns, ToldRefusals } from './refusal-runs.ts'

const { unproven, proven } = REFUSAL_RUN_LIMITS

function campaign(accepted: number): RefusalRuns {
  return {
    status: 'running',
    accepted,
    seenAccepted: accepted,
    provenFrom: 0,
    runs: new Map(),
    stoodStillAt: 0,
    heard: new Map(),
  }
}

let number = 0
const told = (refusals: number, more: Partial<ToldRefusals> = {}): ToldRefusals => ({
  teller: 'w1',
  number: ++number,
  code: 132012,
  refusals,
  claimedAt: 1_000,
  now: 2_000,
  ...more,
})

test.each([
  [0, unproven],
  [40_000, proven],
])('after %i acceptances a run of %i holds the campaign, whoever told of it', (accepted, limit) => {
  const runs = campaign(accepted)
  expect(noteRefusals(runs, told(limit - 2))).toBe(false)
  expect(noteRefusals(runs, told(1, { teller: 'w2' }))).toBe(false)
  expect(noteRefusals(runs, told(1, { teller: 'w3' }))).toBe(true)
  expect(runs.status).toBe('paused')
})

test('an acceptance between ends a run', () => {
  const runs = campaign(40_000)
  expect(noteRefusals(runs, told(proven - 1))).toBe(false)
  runs.accepted += 1
  expect(noteRefusals(runs, told(proven - 1))).toBe(false)
  expect(noteRefusals(runs, told(1))).toBe(true)
})

test('a list of which every second row is malformed, anywhere in it, is not held', () => {
  const runs = campaign(40_000)
  let lot = 1
  let holds = 0
  for (let row = 0; row < 200_000; row++) {
    lot = (lot * 48_271) % 2_147_483_647
    if (lot % 1_000 < 500) runs.accepted += 1
    else if (noteRefusals(runs, told(1))) holds += 1
  }
  expect(holds).toBe(0)
})

test('each code has a run of its own, and another code between does not end it', () => {
  const runs = campaign(40_000)
  for (let times = 1; times < proven; times++)
    for (const code of [132012, 100]) expect(noteRefusals(runs, told(1, { code }))).toBe(false)
  expect(noteRefusals(runs, told(1, { code: 100 }))).toBe(true)
})

test('what is told twice counts once', () => {
  const runs = campaign(0)
  const words = told(unproven - 1)
  for (let times = 0; times < 5; times++) expect(noteRefusals(runs, words)).toBe(false)
  expect(runs.runs.get(132012)).toBe(unproven - 1)
})

test('who resumes a held campaign is not met by errors of before; it has to prove itself again', () => {
  const runs = campaign(40_000)
  expect(noteRefusals(runs, told(proven, { now: 5_000 }))).toBe(true)
  // On the wire when it was held: some answers come while it stands still, some when it goes on.
  expect(noteRefusals(runs, told(100, { claimedAt: 4_999, now: 5_500 }))).toBe(false)
  runs.status = 'running'
  expect(noteRefusals(runs, told(100, { claimedAt: 5_400, now: 6_000 }))).toBe(false)
  expect(runs.status).toBe('running')
  expect(noteRefusals(runs, told(unproven - 1, { claimedAt: 6_001, now: 6_100 }))).toBe(false)
  expect(noteRefusals(runs, told(1, { claimedAt: 6_002, now: 6_100 }))).toBe(true)
})

test.each([
  [100, 400, true, null],
  [132_000, 400, true, null],
  [131_009, 400, true, null],
  [131_053, 400, true, null],
  // May be an outage: it goes on by itself.
  [131_000, 500, true, 300_000],
  [99_999, 400, true, null],
  // About a person, about all messages of the campaign or of the sender at once, about how busy it is.
  [131_026, 400, false, null],
  [132_001, 404, false, null],
  [190, 401, false, null],
  [131_016, 500, false, null],
  [130_429, 400, false, null],
])('code %i with status %i: counts %s, holds for %s', (code, httpStatus, counts, holdMs) => {
  expect(isRequestError(code, httpStatus)).toBe(counts)
  expect(refusalHoldMs(code, httpStatus)).toBe(holdMs)
})
