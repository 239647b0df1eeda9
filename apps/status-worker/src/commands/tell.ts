import type { Out } from './out.ts'
import { timeOf } from './outline.ts'
import type { Verification } from './verify.ts'

const EXIT_CODE = { equal: 0, different: 1, partial: 2, missing: 2, no_log: 2 } as const satisfies Record<
  Verification['kind'],
  number
>

/** Print what came of a verification. @returns the exit code. */
export function tellVerification(campaign: string, so: Verification, json: boolean, out: Out): number {
  if (json) out.line(JSON.stringify({ campaign, ...so }))
  else for (const line of linesOf(campaign, so)) out.line(line)
  return EXIT_CODE[so.kind]
}

function linesOf(campaign: string, so: Verification): string[] {
  if (so.kind === 'missing') return [`There is no campaign ${campaign}.`]
  if (so.kind === 'no_log') return ['There is no log of webhooks: nothing can be told from it.']
  const told = `${so.statuses} statuses of ${campaign} are in the log`
  if (so.kind === 'partial') {
    const begins = so.logFrom === null ? 'is empty' : `begins ${timeOf(so.logFrom)}`
    const launched = so.launchedAt === null ? 'the campaign was never launched' : `launch was ${timeOf(so.launchedAt)}`
    return [
      `${told}; it ${begins}, ${launched}: too late to tell all numbers again.`,
      'All it does tell is in the ledger. WEBHOOK_LOG_KEEP_SECONDS and WEBHOOK_LOG_KEEP_MB say how much is kept.',
    ]
  }
  const { unfolded, untold, notAccepted, counters } = so.comparison
  const undecided =
    so.undecided > 0 ? [`${so.undecided} recipients failed with several codes; either may be counted.`] : []
  if (so.kind === 'equal') return [`${told}; all ${counters.length} counters are as it tells them.`, ...undecided]
  return [
    `${told}; the ledger counts something else:`,
    ...so.apart.map(({ field, counted, told: fromLog }) => `  ${field}: counted ${counted}, told ${fromLog}`),
    ...said(unfolded, 'recipients of whom the ledger lacks what the log tells (look for them among the dead letters)'),
    ...said(untold, 'recipients of whom the ledger knows what the log does not tell'),
    ...said(notAccepted, 'recipients that a status proves sent to are not counted as accepted'),
    ...undecided,
  ]
}

function said(count: number, what: string): string[] {
  return count > 0 ? [`  ${count} ${what}`] : []
}
