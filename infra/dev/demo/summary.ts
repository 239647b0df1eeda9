import type { CampaignReport, Upload } from './campaign.ts'
import { agrees, type Check } from './verify.ts'
import { bar, line, number, seconds, tally } from './text.ts'
import type { Witness } from './witness.ts'

const BAR = 30

export interface Outcome {
  readonly upload: Upload
  readonly uploadMs: number
  readonly report: CampaignReport
  readonly sendMs: number
  readonly witness: Witness
  /** The sender's limit, messages a second. */
  readonly limit: number
}

/** The report for people. */
export function summaryOf(outcome: Outcome): string[] {
  return [
    '',
    ...headline(outcome),
    '',
    ...input(outcome.upload, outcome.uploadMs),
    '',
    ...funnel(outcome.report),
    '',
    ...endpoint(outcome),
  ]
}

function headline({ report, sendMs }: Outcome): string[] {
  const handed = (report.counts['accepted'] ?? 0) + (report.counts['unknown'] ?? 0) + (report.counts['rejected'] ?? 0)
  return [
    `Campaign ${report.name} (${report.id}) is ${report.status}: ${number(handed)} messages in ${seconds(sendMs)}, ${number((handed * 1000) / sendMs)} a second`,
  ]
}

function input(
  { rows, accepted, duplicates, rejected, reasons, warnings, ignoredColumns, rejections }: Upload,
  ms: number,
): string[] {
  const examples = rejections.slice(0, 3).map(({ message }) => line('', `e.g. ${message}`))
  return [
    `Input: ${number(rows)} rows, taken in ${seconds(ms)}`,
    line('recipients', number(accepted)),
    line('duplicates', `${number(duplicates)}, left out (the same number in another spelling)`),
    line('refused', `${number(rejected)}: ${tally(reasons)}`),
    ...examples,
    ...(Object.keys(warnings).length === 0 ? [] : [line('warnings', tally(warnings))]),
    ...(ignoredColumns.length === 0
      ? []
      : [line('ignored', `columns ${ignoredColumns.join(', ')} (no placeholder uses them)`)]),
  ]
}

function funnel({ counts, delivery, errors, route }: CampaignReport): string[] {
  const recipients = counts['recipients'] ?? 0
  const step = (label: string, value: number): string => {
    const share = recipients === 0 ? 0 : value / recipients
    return line(label, `${bar(share, BAR).padEnd(BAR)} ${number(value).padStart(9)}  ${(share * 100).toFixed(1)} %`)
  }
  const steps = ['sent', 'delivered', 'read'].map((name) => step(name, delivery[name] ?? 0))
  const rest = ['pending', 'sending', 'unknown', 'rejected', 'expired', 'suppressed', 'canceled'].map(
    (name) => [name, counts[name] ?? 0] as const,
  )
  return [
    'Funnel',
    step('recipients', recipients),
    step('accepted', counts['accepted'] ?? 0),
    ...steps,
    line('not accepted', tally(Object.fromEntries(rest))),
    line('failed', `${number(delivery['failed'] ?? 0)} after they were accepted`),
    line('errors', tally(errors)),
    line('route', tally(route)),
  ]
}

function endpoint({ witness, limit }: Outcome): string[] {
  const { requests, webhooks } = witness
  const lost = Object.entries(requests.byOutcome).filter(([name]) => name !== 'accepted' && name !== 'refused')
  const [rate] = Object.values(witness.rate)
  return [
    'As the simulator saw it',
    line(
      'requests',
      `${number(requests.received)}, at most ${number(rate?.perSecondMax ?? 0)} seen in any second (limit ${number(limit)}; the simulator itself was up to ${number(Math.ceil(witness.witness.loopDelayMaxMs))} ms late)`,
    ),
    line('refused', tally(requests.byCode)),
    line('lost answers', tally(Object.fromEntries(lost))),
    line('webhooks', tally(webhooks)),
  ]
}

/** One line for checks that agree, one each for those that do not. */
export function verdict(against: string, checks: readonly Check[]): string[] {
  const wrong = checks.filter((check) => !agrees(check))
  if (wrong.length === 0) return [`  ✓ ${against}: all ${checks.length} numbers agree`]
  return [
    `  ✗ ${against}: ${wrong.length} of ${checks.length} numbers differ`,
    ...wrong.map(
      ({ what, ours, theirs }) =>
        `      ${what.padEnd(34)} ours ${number(ours).padStart(9)}   theirs ${number(theirs).padStart(9)}`,
    ),
  ]
}

/** What a person who has just seen this may want to do, from what happened. */
export function nextSteps({ report, upload, witness }: Outcome): string[] {
  const { counts, errors } = report
  const unknown = counts['unknown'] ?? 0
  const [worst] = Object.entries(errors).toSorted(([, a], [, b]) => b - a)
  const steps: string[] = []
  if (upload.rejected > 0)
    steps.push('the refused rows: the upload answers each with its line, its reason and its column')
  if (worst !== undefined) {
    const [code, times] = worst
    const filter = code in witness.failedByCode.told ? 'delivery=failed' : 'disposition=rejected'
    steps.push(
      `error ${code}, the most frequent (${number(times)}): GET /v1/campaigns/${report.id}/recipients?${filter}`,
    )
  }
  if (unknown > 0)
    steps.push(
      `${number(unknown)} unknown: the answer was lost and no status has come; nobody is written to twice for it`,
    )
  steps.push('npm run demo -- --keep: the same, and everything stays up: API and its /docs, metrics, simulator')
  steps.push('npm run demo -- --recipients 100000')
  return ['What to look at next', ...steps.map((step) => `  - ${step}`)]
}
