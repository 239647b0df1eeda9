import { countFacts, FACT, noCounts } from './fact.ts'
import type { FactCounts } from './fact.ts'
import type { Ledger, Scanned, Selection } from './ledger.ts'
import { SlidingMax } from './limiter.ts'
import { isLost, isProcessed, OUTCOMES } from './outcome.ts'
import type { Outcome } from './outcome.ts'

/** The ledger in numbers, for the rows of a selection. Recipients are counted once each within the selection. */
export type Summary = {
  readonly requests: {
    readonly received: number
    /** Messages the endpoint took, whether the sender was told or not. */
    readonly processed: number
    readonly byOutcome: Partial<Record<Outcome, number>>
    /** Of the refused, by Graph code. */
    readonly byCode: Record<string, number>
  }
  readonly recipients: {
    /** Asked for at least once. */
    readonly seen: number
    /** Taken at least once. */
    readonly processed: number
    /** Taken more than once: people who got a message twice. */
    readonly doubled: number
    /** Messages too many: `processed` requests minus `processed` recipients. */
    readonly surplus: number
    /** What a sender that draws every conclusion knows of each recipient by now. Disjoint; adds up to `seen`. */
    readonly implied: {
      /** It was told so by an answer or by a webhook. */
      readonly accepted: number
      /** The last answer was lost and no webhook has told of it. */
      readonly unknown: number
      /** The last answer was a refusal. */
      readonly rejected: number
    }
    /** The implied `rejected`, by the code of their last refusal. */
    readonly rejectedByCode: Record<string, number>
    /** The implied `unknown` whose message was taken all the same. */
    readonly unknownButProcessed: number
  }
  /** What happened to recipients' messages, and how much of it webhooks (answered 200) and answers have told. */
  readonly truth: FactCounts
  readonly told: FactCounts
  /** Failed recipients by code. */
  readonly failedByCode: { readonly truth: Record<string, number>; readonly told: Record<string, number> }
  /** By phone number id. */
  readonly rate: Record<string, Rate>
}

export type Rate = {
  readonly received: number
  readonly processed: number
  readonly throttled: number
  /** Epoch milliseconds with a fraction. */
  readonly firstAt: number
  readonly lastAt: number
  /** From the first request to the last. */
  readonly perSecondMean: number
  /** The most requests in any sliding second, refused ones included, and the most that were taken. */
  readonly perSecondMax: number
  readonly processedPerSecondMax: number
}

/**
 * Goes through the ledger once, giving other work its turn between slices. While requests come in or webhooks go out the
 * numbers are those of no single instant: compare when nothing is pending.
 */
export async function summarise(ledger: Ledger, selection: Selection, turn: () => Promise<void>): Promise<Summary> {
  const size = ledger.size
  const people = newPeople(ledger.recipients.count)
  const tally: Tally = { received: 0, processed: 0, byOutcome: {}, byCode: {}, rate: new Map() }
  for (let from = 0; from < size; from += SLICE) {
    ledger.scan(selection, from, Math.min(from + SLICE, size), (row) => {
      addRequest(tally, row)
      addPerson(people, row)
    })
    await turn()
  }
  const nobody = ledger.recipients.knownId(0)
  return { ...conclude(people, nobody), requests: requestsOf(tally), rate: ratesOf(tally, ledger) }
}

const SLICE = 32_768
const THROTTLED = 130429

type Tally = {
  received: number
  processed: number
  byOutcome: Partial<Record<Outcome, number>>
  byCode: Record<string, number>
  rate: Map<number, Flow>
}

type Flow = {
  received: number
  processed: number
  throttled: number
  firstAt: number
  lastAt: number
  readonly all: SlidingMax
  readonly taken: SlidingMax
}

/** What is known of each recipient, by its dense number. Typed arrays: a summary of millions must not weigh either. */
type People = {
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

function newPeople(total: number): People {
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

function addRequest(tally: Tally, row: Scanned): void {
  tally.received++
  if (row.processed) tally.processed++
  tally.byOutcome[row.outcome] = (tally.byOutcome[row.outcome] ?? 0) + 1
  if (row.outcome === 'refused' && row.code !== null) increment(tally.byCode, row.code)
  const flow = flowOf(tally.rate, row)
  flow.received++
  flow.lastAt = row.at
  flow.all.add(row.at)
  if (row.code === THROTTLED) flow.throttled++
  if (!row.processed) return
  flow.processed++
  flow.taken.add(row.at)
}

function flowOf(rate: Map<number, Flow>, row: Scanned): Flow {
  const known = rate.get(row.number)
  if (known !== undefined) return known
  const flow = {
    received: 0,
    processed: 0,
    throttled: 0,
    firstAt: row.at,
    lastAt: row.at,
    all: new SlidingMax(),
    taken: new SlidingMax(),
  }
  rate.set(row.number, flow)
  return flow
}

function addPerson(people: People, row: Scanned): void {
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

type Conclusion = Pick<Summary, 'recipients' | 'truth' | 'told' | 'failedByCode'>

function conclude(people: People, nobody: number | null): Conclusion {
  const truth = noCounts()
  const told = noCounts()
  const failedByCode = { truth: {}, told: {} }
  const rejectedByCode: Record<string, number> = {}
  const sums = {
    seen: 0,
    processed: 0,
    doubled: 0,
    surplus: 0,
    accepted: 0,
    unknown: 0,
    rejected: 0,
    unknownButProcessed: 0,
  }
  for (const [who, lastOutcome] of people.lastOutcome.entries()) {
    if (lastOutcome === 0 || who === nobody) continue
    const times = people.processed[who] ?? 0
    sums.seen++
    if (times > 0) sums.processed++
    if (times > 1) sums.doubled++
    sums.surplus += Math.max(0, times - 1)
    const verdict = impliedBy(people, who)
    sums[verdict]++
    if (verdict === 'rejected') increment(rejectedByCode, people.lastCode[who] ?? 0)
    if (verdict === 'unknown' && times > 0) sums.unknownButProcessed++
    countFacts(truth, people.facts[who] ?? 0)
    countFacts(told, people.told[who] ?? 0)
    if (isFailure(people.facts[who] ?? 0)) increment(failedByCode.truth, people.failedCode[who] ?? 0)
    if (isFailure(people.told[who] ?? 0)) increment(failedByCode.told, people.failedCode[who] ?? 0)
  }
  const { accepted, unknown, rejected, ...others } = sums
  return {
    recipients: { ...others, implied: { accepted, unknown, rejected }, rejectedByCode },
    truth,
    told,
    failedByCode,
  }
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

function requestsOf({ received, processed, byOutcome, byCode }: Tally): Summary['requests'] {
  return { received, processed, byOutcome, byCode }
}

function ratesOf(tally: Tally, ledger: Ledger): Record<string, Rate> {
  return Object.fromEntries(
    [...tally.rate].map(([number, flow]) => [
      ledger.phoneNumberId(number),
      {
        received: flow.received,
        processed: flow.processed,
        throttled: flow.throttled,
        firstAt: flow.firstAt,
        lastAt: flow.lastAt,
        perSecondMean: flow.lastAt > flow.firstAt ? ((flow.received - 1) * 1000) / (flow.lastAt - flow.firstAt) : 0,
        perSecondMax: flow.all.max,
        processedPerSecondMax: flow.taken.max,
      },
    ]),
  )
}

function increment(counts: Record<string, number>, code: number): void {
  counts[code] = (counts[code] ?? 0) + 1
}
