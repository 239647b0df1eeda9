import type { Outcome } from '@chasqui/delivery'
import { expect, test } from 'vitest'

import { CampaignProof, UNPROVEN_WINDOW } from './campaign-proof.ts'

const refused = (code: number): Outcome => ({ kind: 'refused', code, httpStatus: 400, details: '', waitMs: null })
const accepted: Outcome = { kind: 'accepted', messageId: 'wamid.1', held: false }

function hear(...outcomes: readonly Outcome[]): {
  readonly proven: boolean
  readonly verdicts: readonly (number | null)[]
} {
  const proof = new CampaignProof()
  const verdicts = outcomes.map((outcome) => proof.hear(outcome))
  return { proven: proof.proven, verdicts }
}

const times = (count: number, outcome: Outcome): Outcome[] => Array.from({ length: count }, () => outcome)

test('a run of the same refusal of requests, before any was taken, stops the campaign', () => {
  const { proven, verdicts } = hear(...times(UNPROVEN_WINDOW, refused(132012)))
  expect(proven).toBe(false)
  expect(verdicts.slice(0, -1)).toEqual(times(UNPROVEN_WINDOW - 1, accepted).map(() => null))
  expect(verdicts.at(-1)).toBe(132012)
})

test.each<[string, readonly Outcome[]]>([
  ['one fewer', times(UNPROVEN_WINDOW - 1, refused(132012))],
  ['two codes in turn', times(UNPROVEN_WINDOW, refused(132012)).flatMap((outcome) => [outcome, refused(100)])],
  ['refusals of single recipients', times(50, refused(131026))],
  ['refusals that stop the sender anyway', times(50, refused(190))],
  ['answers that were lost', times(50, { kind: 'lost', reason: 'x' })],
])('%s stop nothing', (_what, outcomes) => {
  expect(hear(...outcomes)).toMatchObject({ proven: false, verdicts: outcomes.map(() => null) })
})

test('once a message was taken, no run of refusals stops the campaign', () => {
  const { proven, verdicts } = hear(accepted, ...times(100, refused(132012)))
  expect(proven).toBe(true)
  expect(verdicts.every((verdict) => verdict === null)).toBe(true)
})
