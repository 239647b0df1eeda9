import type { Ledger, Scanned, Selection } from './ledger.ts'
import { SlidingMax } from './limiter.ts'
import type { Outcome } from './outcome.ts'
import { addPerson, concludePerson, increment, newConclusion, newPeople } from './people.ts'
import type { Conclusion } from './people.ts'

/** The ledger in numbers, for the rows of a selection. Recipients are counted once each within the selection. */
export type Summary = Conclusion & {
  readonly requests: {
    readonly received: number
    /** Messages the endpoint took, whether the sender was told or not. */
    readonly processed: number
    readonly byOutcome: Partial<Record<Outcome, number>>
    /** Of the refused, by Graph code. */
    readonly byCode: Record<string, number>
  }
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
  const conclusion = newConclusion()
  for (const who of people.lastOutcome.keys()) {
    if (who !== nobody) concludePerson(conclusion, people, who)
    if (who % SLICE === SLICE - 1) await turn()
  }
  return { ...conclusion, requests: requestsOf(tally), rate: ratesOf(tally, ledger) }
}

/** Rows between two turns: a few milliseconds of work, so that arrival times stay true meanwhile. */
const SLICE = 8_192
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
