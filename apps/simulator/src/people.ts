import { countFacts, FACT, noCounts } from './fact.ts'
import type { FactCounts } from './fact.ts'
import type { Scanned } from './ledger.ts'
import { isLost, isProcessed, OUTCOMES } from './outcome.ts'

/** What is known of each recipient, by its dense number. Typed arrays: a summary of millions must not weigh either. */
export type People = {
  readonly processed: Uint16Array
  readonly facts: Uint8Array
  readonly told: Uint8Array
  /** 0: not seen; else 1 + the place in `OUTCOMES` of the last request's outcome. */
  readonly lastOutcome: Uint8Array
  readonly lastAnswered: Uint8Array
  readonly lastCode: Uint32Array
  readonly failedCode: Uint32Array
  /** Taken, and the sender was told. */
  readonly known: Uint8Array
}

export function newPeople(total: number): People {
  return {
    processed: new Uint16Array(total),
    facts: new Uint8Array(total),
    told: new Uint8Array(total),
    lastOutcome: new Uint8Array(total),
    lastAnswered: new Uint8Array(total),
    lastCode: new Uint32Array(total),
    failedCode: new Uint32Array(total),
    known: new Uint8Array(total),
  }
}

/** Learns from one request. Rows come in the order of the ledger. */
export function addPerson(people: People, row: Scanned): void {
  const who = row.recipient
  people.lastOutcome[who] = OUTCOMES.indexOf(row.outcome) + 1
  people.lastCode[who] = row.code ?? 0
  people.lastAnswered[who] = (row.told & FACT.answered) === 0 ? 0 : 1
  if (!row.processed) return
  people.processed[who] = Math.min((people.processed[who] ?? 0) + 1, 0xffff)
  people.facts[who] = (people.facts[who] ?? 0) | row.facts
  people.told[who] = (people.told[who] ?? 0) | (row.told & ~FACT.answered)
  if (row.told !== 0) people.known[who] = 1
  if ((row.facts & FACT.failed) !== 0) people.failedCode[who] = row.code ?? 0
}

/** Recipients counted once each. */
export type PeopleCounts = {
  /** Asked for at least once. */
  seen: number
  /** Taken at least once. */
  processed: number
  /** Taken more than once: people who got a message twice. */
  doubled: number
  /** Messages too many: processed requests minus processed recipients. */
  surplus: number
  /**
   * What a sender that draws every conclusion knows of each by now; adds up to `seen`. `accepted`: it was told so by an
   * answer or a webhook. `unknown`: the last answer was lost and no webhook has told. `rejected`: the last answer was a
   * refusal.
   */
  readonly implied: { accepted: number; unknown: number; rejected: number }
  /** The implied `rejected`, by the code of their last refusal. */
  readonly rejectedByCode: Record<string, number>
  /** The implied `unknown` whose message was taken all the same. */
  unknownButProcessed: number
}

export type Conclusion = {
  readonly recipients: PeopleCounts
  /** What happened to messages, and how much of it webhooks (answered 200) and answers have told. */
  readonly truth: FactCounts
  readonly told: FactCounts
  /** Failed recipients by code. */
  readonly failedByCode: { readonly truth: Record<string, number>; readonly told: Record<string, number> }
}

export function newConclusion(): Conclusion {
  return {
    recipients: {
      seen: 0,
      processed: 0,
      doubled: 0,
      surplus: 0,
      implied: { accepted: 0, unknown: 0, rejected: 0 },
      rejectedByCode: {},
      unknownButProcessed: 0,
    },
    truth: noCounts(),
    told: noCounts(),
    failedByCode: { truth: {}, told: {} },
  }
}

/** Counts one recipient, if the selection has seen it. */
export function concludePerson(
  { recipients, truth, told, failedByCode }: Conclusion,
  people: People,
  who: number,
): void {
  if (people.lastOutcome[who] === 0) return
  const times = people.processed[who] ?? 0
  recipients.seen++
  if (times > 0) recipients.processed++
  if (times > 1) recipients.doubled++
  recipients.surplus += Math.max(0, times - 1)
  const verdict = impliedBy(people, who)
  recipients.implied[verdict]++
  if (verdict === 'rejected') increment(recipients.rejectedByCode, people.lastCode[who] ?? 0)
  if (verdict === 'unknown' && times > 0) recipients.unknownButProcessed++
  countFacts(truth, people.facts[who] ?? 0)
  countFacts(told, people.told[who] ?? 0)
  if (isFailure(people.facts[who] ?? 0)) increment(failedByCode.truth, people.failedCode[who] ?? 0)
  if (isFailure(people.told[who] ?? 0)) increment(failedByCode.told, people.failedCode[who] ?? 0)
}

function impliedBy(people: People, who: number): 'accepted' | 'unknown' | 'rejected' {
  if (people.known[who] === 1) return 'accepted'
  const outcome = OUTCOMES[(people.lastOutcome[who] ?? 0) - 1] ?? 'accepted'
  const unclear = isLost(outcome) || isProcessed(outcome) || people.lastAnswered[who] === 0
  return unclear ? 'unknown' : 'rejected'
}

/** Failed, and counted as failed: not delivered after all. */
function isFailure(facts: number): boolean {
  return (facts & FACT.failed) !== 0 && (facts & (FACT.delivered | FACT.read)) === 0
}

export function increment(counts: Record<string, number>, code: number): void {
  counts[code] = (counts[code] ?? 0) + 1
}
