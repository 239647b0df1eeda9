import { ruleFor } from './error-table.ts'

/**
 * Runs of request errors: answers that refuse not a person but what the campaign asks for, alike for everybody. One
 * malformed row is one row's loss; a run of the same error, with nobody accepted in between, is a broken template or a
 * broken list, and the campaign is stopped instead of burning it. The runs are counted for all processes together, by
 * errors alone; `note-refusals.lua` does the same in Redis, and a differential test holds the two together.
 */
export type RefusalRuns = {
  status: string
  /** Recipients accepted so far, as the campaign counts them. */
  accepted: number
  /** The same when the runs began: another number means that somebody was accepted since. */
  seenAccepted: number
  /** The same when it last stood still, 0 at first: the same number means that it has yet to prove itself. */
  provenFrom: number
  /** Errors since the last acceptance, by code. */
  readonly runs: Map<number, number>
  /** When it was last held, or seen to stand still, ms; 0: never. */
  stoodStillAt: number
  /** The last telling heard of each process. */
  readonly heard: Map<string, number>
}

/** What a process tells: so many errors of one code, in a row as far as it knows. */
export type ToldRefusals = {
  /** Unique to the process. */
  readonly teller: string
  /** Its tellings count from 1, so that one that is told again changes nothing. */
  readonly number: number
  readonly code: number
  readonly refusals: number
  /** When the first of them was claimed, ms by the ledger: those of before a hold say nothing about what follows it. */
  readonly claimedAt: number
  readonly now: number
}

/** So long may a run be before the campaign is held. */
export const REFUSAL_RUN_LIMITS = {
  /** While nobody was accepted, since it began or since it last stood still. */
  unproven: 10,
  /** Behind that: where every second row of a list is malformed, so long a run is one in a thousand million. */
  proven: 30,
} as const

/** When a hold for an error that may be an outage of Meta's ends by itself, ms. */
const OUTAGE_HOLD_MS = 300_000

/** Whether an answer is about what the campaign asks for, and costs the recipient; those that hold it at once cost nobody. */
export function isRequestError(code: number, httpStatus: number): boolean {
  const { scope, follow } = ruleFor(code, httpStatus)
  return scope === 'message' || (scope === 'template' && follow.kind === 'retry')
}

/** How long a run of this error holds a campaign, ms; `null`: until somebody resumes it. */
export function refusalHoldMs(code: number, httpStatus: number): number | null {
  return ruleFor(code, httpStatus).follow.kind === 'unknown' ? OUTAGE_HOLD_MS : null
}

/** @returns whether this holds the campaign. */
export function noteRefusals(campaign: RefusalRuns, told: ToldRefusals): boolean {
  if ((campaign.heard.get(told.teller) ?? 0) >= told.number) return false
  campaign.heard.set(told.teller, told.number)
  if (campaign.status !== 'running') {
    standStill(campaign, told.now)
    return false
  }
  if (told.claimedAt <= campaign.stoodStillAt) return false
  if (campaign.accepted !== campaign.seenAccepted) {
    campaign.runs.clear()
    campaign.seenAccepted = campaign.accepted
  }
  const run = (campaign.runs.get(told.code) ?? 0) + told.refusals
  campaign.runs.set(told.code, run)
  const isProven = campaign.accepted !== campaign.provenFrom
  if (run < (isProven ? REFUSAL_RUN_LIMITS.proven : REFUSAL_RUN_LIMITS.unproven)) return false
  campaign.status = 'paused'
  standStill(campaign, told.now)
  return true
}

/** What was told before counts no more: whoever lets it go on does so knowing of it. */
function standStill(campaign: RefusalRuns, now: number): void {
  campaign.stoodStillAt = now
  campaign.provenFrom = campaign.accepted
  campaign.runs.clear()
}
