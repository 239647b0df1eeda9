import type { SampleTruth } from '../sample/recipients.ts'
import type { CampaignReport, Upload } from './campaign.ts'
import type { Witness } from './witness.ts'

/** One number of ours held against the same number counted by somebody else. */
export interface Check {
  readonly what: string
  readonly ours: number
  readonly theirs: number
}

export const agrees = ({ ours, theirs }: Check): boolean => ours === theirs

const DISPOSITIONS = [
  'pending',
  'sending',
  'accepted',
  'unknown',
  'rejected',
  'expired',
  'suppressed',
  'canceled',
] as const
const DELIVERIES = ['sent', 'delivered', 'read', 'failed', 'held'] as const

/** What the producer said of the file, against what the generator wrote into it. */
export function checkInput(upload: Upload, truth: SampleTruth): Check[] {
  return [
    { what: 'rows', ours: upload.rows, theirs: truth.rows },
    { what: 'recipients', ours: upload.accepted, theirs: truth.recipients },
    { what: 'duplicates', ours: upload.duplicates, theirs: truth.duplicates },
    ...byKey('refused', upload.reasons, truth.refused),
  ]
}

/** What the campaign's report says, against the simulator's ledger. */
export function checkCampaign(
  { counts, delivery, errors, route }: CampaignReport,
  recipients: number,
  witness: Witness,
): Check[] {
  const { implied, rejectedByCode, doubled, seen } = witness.recipients
  const sum = DISPOSITIONS.reduce((total, name) => total + (counts[name] ?? 0), 0)
  return [
    { what: 'recipients', ours: counts['recipients'] ?? 0, theirs: recipients },
    { what: 'recipients, all counts added up', ours: sum, theirs: recipients },
    {
      what: 'asked for',
      ours: (counts['accepted'] ?? 0) + (counts['unknown'] ?? 0) + (counts['rejected'] ?? 0),
      theirs: seen,
    },
    { what: 'accepted', ours: counts['accepted'] ?? 0, theirs: implied.accepted },
    { what: 'rejected', ours: counts['rejected'] ?? 0, theirs: implied.rejected },
    { what: 'unknown', ours: counts['unknown'] ?? 0, theirs: implied.unknown },
    ...DELIVERIES.map((name) => ({ what: name, ours: delivery[name] ?? 0, theirs: witness.told[name] ?? 0 })),
    ...byKey('route', route, pick(witness.told, ['marketing_lite', 'marketing'])),
    ...byKey('error', errors, added(rejectedByCode, witness.failedByCode.told)),
    { what: 'written to twice', ours: 0, theirs: doubled },
  ]
}

/** What Prometheus reads, against the campaign's report. */
export function checkMetrics(
  recipients: Record<string, number>,
  messages: Record<string, number>,
  report: CampaignReport,
): Check[] {
  return [
    ...byKey('recipients', recipients, pick(report.counts, DISPOSITIONS)),
    ...byKey('messages', messages, pick(report.delivery, DELIVERIES)),
  ]
}

type Numbers = Readonly<Record<string, number>>

/** Every key of either side; a missing one is 0. */
function byKey(what: string, ours: Numbers, theirs: Numbers): Check[] {
  const keys = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].toSorted()
  return keys
    .map((key) => ({ what: `${what} ${key}`, ours: ours[key] ?? 0, theirs: theirs[key] ?? 0 }))
    .filter(({ ours: a, theirs: b }) => a !== 0 || b !== 0)
}

function pick(numbers: Numbers, keys: readonly string[]): Record<string, number> {
  return Object.fromEntries(keys.map((key) => [key, numbers[key] ?? 0]))
}

function added(a: Numbers, b: Numbers): Record<string, number> {
  return Object.fromEntries([...Object.keys(a), ...Object.keys(b)].map((key) => [key, (a[key] ?? 0) + (b[key] ?? 0)]))
}
