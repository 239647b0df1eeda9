import type { Outcome } from '@chasqui/delivery'
import { expect, test } from 'vitest'

import { CampaignProof, TOLD_FROM } from './campaign-proof.ts'

const refused = (code: number): Outcome => ({ kind: 'refused', code, httpStatus: 400, details: '', waitMs: null })
const accepted: Outcome = { kind: 'accepted', messageId: 'wamid.1', held: false }
const times = (count: number, outcome: Outcome): Outcome[] => Array.from({ length: count }, () => outcome)
const hear = (proof: CampaignProof, ...outcomes: readonly Outcome[]): number[] =>
  outcomes.map((outcome) => proof.hear(outcome))

test('before any message was taken every refusal of a request is told', () => {
  const proof = new CampaignProof()
  expect(hear(proof, ...times(4, refused(132012)))).toEqual([1, 1, 1, 1])
  expect(proof.proven).toBe(false)
})

test('behind that only a run is told, from its beginning', () => {
  const proof = new CampaignProof()
  hear(proof, accepted)
  expect(proof.proven).toBe(true)
  expect(hear(proof, ...times(TOLD_FROM + 2, refused(132012)))).toEqual([0, 0, TOLD_FROM, 1, 1])
  expect(hear(proof, accepted, ...times(TOLD_FROM - 1, refused(132012)), accepted, refused(132012))).toEqual([
    0, 0, 0, 0, 0,
  ])
})

test.each<[string, Outcome]>([
  ['refusals of single recipients', refused(131026)],
  ['refusals that stop the sender anyway', refused(190)],
  ['refusals that hold the campaign anyway', refused(132001)],
  ['answers that were lost', { kind: 'lost', reason: 'x' }],
])('%s are not told', (_what, outcome) => {
  expect(hear(new CampaignProof(), ...times(50, outcome))).toEqual(times(50, outcome).map(() => 0))
})

test('a campaign that stood still has to prove itself again, and what was claimed by then is outdated', () => {
  const proof = new CampaignProof()
  hear(proof, accepted)
  expect(proof.isOutdated(1_000)).toBe(false)
  proof.stoodStill(1_000)
  expect([proof.proven, proof.isOutdated(1_000), proof.isOutdated(1_001)]).toEqual([false, true, false])
  hear(proof, accepted)
  // Said again by a late answer.
  proof.stoodStill(1_000)
  expect(proof.proven).toBe(true)
})
