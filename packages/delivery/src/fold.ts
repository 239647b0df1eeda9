import { attemptsOf, dispositionOf, ledgerByte, STATE, stateOf } from './disposition.ts'
import type { Disposition } from './disposition.ts'
import { FACT, learn, PROOF, viewOf } from './facts.ts'
import type { DeliveryView } from './facts.ts'
import { noteProven } from './lapses.ts'
import type { Lapses } from './lapses.ts'
import { NO_COUNTRY, priceField, priceKindOf } from './prices.ts'
import { attemptBit, latestAttempt, noteAttempts } from './proofs.ts'
import type { Proofs } from './proofs.ts'

/**
 * What status webhooks do to a campaign's ledger. `packages/store/src/scripts/fold-facts.lua` does the same in Redis;
 * a differential test holds the two together.
 *
 * The laws (each has a test that names it): folding is idempotent, commutative and associative, so webhooks may come
 * twice, in any order and cut into any batches; `counts` still add up to `recipients` afterwards.
 *
 * Decisions:
 * - **A proof beats every other state.** Meta reports only on messages it took, so a status of ours makes the recipient
 *   `accepted`, whatever we believed: claimed, lost, waiting for a retry. Even refused, expired, suppressed or canceled:
 *   the message is out, and a report that denies it would be the wrong one. Such surprises are counted (`late_proofs`).
 * - **`error:<code>` counts recipients that ever reported `failed`**, at the first such report. It is not taken back when
 *   `delivered` follows (several devices), so that order cannot matter: the errors of a campaign may add up to more than
 *   its `delivery:failed`. A recipient that fails with two different codes counts under the first that arrived.
 * - **Two proven attempts of one recipient are a duplicate** (`duplicates`), once, whatever each of them came to: see
 *   proofs.ts.
 * - **What settled an unknown recipient is counted** (`settled:<way>`), in the step that lifts it.
 */
export type Lesson = {
  readonly ordinal: number
  /** The attempt that the status speaks of, from 1. */
  readonly attempt: number
  /** Bits of all attempts that merged lessons prove; left out: the one above. */
  readonly attempts?: number
  /** Bits of {@link FACT}. */
  readonly facts: number
  /** Meta's code when the facts hold `failed`; 0 when Meta gave none. */
  readonly errorCode: number
  /** Bits of `PRICE`; 0 when left out: nothing unusual was told of its price. */
  readonly prices?: number
  /**
   * The recipient's country, ISO 3166; the same in all lessons about one recipient. Left out it is not known, and the
   * message has no price.
   */
  readonly country?: string
}

/** How it is known which recipient a status speaks of. */
export type Way = 'callback_data' | 'message_id'

/**
 * What can end a recipient's being unknown, as counted in `settled:<…>`: a status, known by one of the ways; the answer
 * itself, after its lease had died; or that it is sent to again.
 */
export const SETTLED_BY = ['callback_data', 'message_id', 'answer', 'resend'] as const

/** What one lesson does to one recipient; `null` where no recipient lives. */
export type RecipientFold = {
  readonly state: number
  readonly facts: number
  /** The disposition left behind by a recipient that became `accepted`. */
  readonly liftedFrom: Disposition | null
  /** The proof contradicts a state that was thought final. */
  readonly late: boolean
  /** `failed` is news. */
  readonly failedNow: boolean
}

export function foldRecipient(state: number, facts: number, lesson: Lesson): RecipientFold | null {
  const disposition = dispositionOf(state)
  if (disposition === null) return null
  const known = learn(facts, lesson.facts)
  const proven = (lesson.facts & PROOF) !== 0
  const lifted = proven && disposition !== 'accepted'
  const attempts = Math.max(attemptsOf(state), latestAttempt(attemptBits(lesson)))
  return {
    state: proven ? ledgerByte(STATE.accepted, attempts) : state,
    facts: known,
    liftedFrom: lifted ? disposition : null,
    late: lifted && stateOf(state) >= STATE.rejected,
    failedNow: (known & ~facts & FACT.failed) !== 0,
  }
}

/** The part of a campaign's ledger that statuses touch. */
export type Ledger = {
  status: 'draft' | 'scheduled' | 'running' | 'paused' | 'completed' | 'canceled'
  readonly onUnknown: 'keep' | 'resend'
  /** One ledger byte an ordinal. */
  readonly states: Uint8Array
  /** One byte of facts an ordinal. */
  readonly facts: Uint8Array
  /** The counts hash; a missing field is 0. */
  readonly counts: Map<string, number>
  /** Ordinals that wait for a retry. */
  readonly retries: Set<number>
  /** Ordinals whose answer is lost. */
  readonly unknowns: Set<number>
  /** When messages have outlived their TTL; absent where the TTL is not known. */
  readonly lapses?: Lapses
  /** Bits of `PRICE` by ordinal; absent until something unusual is told of somebody's price. */
  prices?: Map<number, number>
  /** Recipients with proofs that their ledger byte does not tell; absent until there is one. */
  proofs?: Proofs
}

export type FoldReport = {
  /** Recipients that became `accepted` by this. */
  readonly lifted: number
  /** Those of them whose state was thought final. */
  readonly late: number
  /** Ordinals at which no recipient lives. */
  readonly refused: readonly number[]
  /** Recipients that are known to have failed by this fold and were not before, by code. */
  readonly failed: ReadonlyMap<number, number>
  /** This fold completed the campaign. */
  readonly completed: boolean
}

/** Fold statuses into a ledger, in place: the model of `fold-facts.lua`. `now`: ms, by the ledger's clock. */
export function foldInto(ledger: Ledger, lessons: readonly Lesson[], now = 0, way: Way = 'callback_data'): FoldReport {
  const refused: number[] = []
  const failed = new Map<number, number>()
  let lifted = 0
  let late = 0
  for (const lesson of lessons) {
    const { ordinal } = lesson
    const before = ledger.facts[ordinal] ?? 0
    const state = ledger.states[ordinal] ?? 0
    const after = foldRecipient(state, before, lesson)
    if (after === null) {
      refused.push(ordinal)
      continue
    }
    ledger.states[ordinal] = after.state
    ledger.facts[ordinal] = after.facts
    countView(ledger.counts, before, after.facts)
    foldPrice(ledger, lesson, before, after.facts)
    if ((lesson.facts & PROOF) !== 0) {
      ledger.proofs ??= new Map()
      if (noteAttempts(ledger.proofs, ordinal, state, after.state, attemptBits(lesson)))
        count(ledger.counts, 'duplicates', 1)
    }
    if (after.failedNow) {
      count(ledger.counts, `error:${lesson.errorCode}`, 1)
      failed.set(lesson.errorCode, (failed.get(lesson.errorCode) ?? 0) + 1)
    }
    if (after.liftedFrom === null) continue
    lifted += 1
    noteProven(ledger.lapses, ordinal, now)
    count(ledger.counts, after.liftedFrom, -1)
    count(ledger.counts, 'accepted', 1)
    if (after.liftedFrom === 'unknown') count(ledger.counts, `settled:${way}`, 1)
    ledger.retries.delete(ordinal)
    ledger.unknowns.delete(ordinal)
    if (!after.late) continue
    late += 1
    count(ledger.counts, 'late_proofs', 1)
  }
  // Only a lift can close the last open recipient.
  return { lifted, late, refused, failed, completed: lifted > 0 && completeWhenDone(ledger) }
}

function foldPrice(ledger: Ledger, lesson: Lesson, before: number, after: number): void {
  const { ordinal, prices: told = 0, country = NO_COUNTRY } = lesson
  const known = ledger.prices?.get(ordinal) ?? 0
  const union = learn(known, told)
  if (union !== known) (ledger.prices ??= new Map()).set(ordinal, union)
  const was = priceKindOf(before, known)
  const is = priceKindOf(after, union)
  if (was === is) return
  if (was !== null) count(ledger.counts, priceField(was, country), -1)
  if (is !== null) count(ledger.counts, priceField(is, country), 1)
}

/**
 * Lessons about the same recipient as one lesson: the same fold in fewer steps. Order of first appearance is kept, and
 * of several error codes the first, as in a fold one by one.
 */
export function mergeLessons(lessons: readonly Lesson[]): Lesson[] {
  const merged = new Map<number, Lesson>()
  for (const lesson of lessons) {
    const known = merged.get(lesson.ordinal)
    merged.set(lesson.ordinal, known === undefined ? lesson : mergeTwo(known, lesson))
  }
  return [...merged.values()]
}

function mergeTwo(first: Lesson, second: Lesson): Lesson {
  const country = first.country ?? second.country
  return {
    ordinal: first.ordinal,
    attempt: latestAttempt(attemptBits(first) | attemptBits(second)),
    attempts: attemptBits(first) | attemptBits(second),
    facts: learn(first.facts, second.facts),
    errorCode: (first.facts & FACT.failed) !== 0 ? first.errorCode : second.errorCode,
    prices: learn(first.prices ?? 0, second.prices ?? 0),
    ...(country === undefined ? {} : { country }),
  }
}

/** The attempts that a lesson proves, a bit each; none when it proves nothing. */
export function attemptBits(lesson: Lesson): number {
  return (lesson.facts & PROOF) === 0 ? 0 : (lesson.attempts ?? attemptBit(lesson.attempt))
}

/** The counts field of each part of a view. */
const VIEW_FIELDS = {
  sent: 'delivery:sent',
  delivered: 'delivery:delivered',
  read: 'delivery:read',
  failed: 'delivery:failed',
  undelivered: 'delivery:undelivered',
  held: 'delivery:held',
  marketing_lite: 'route:marketing_lite',
  marketing: 'route:marketing',
} as const satisfies Readonly<Record<keyof DeliveryView, string>>

const VIEW_KEYS = Object.keys(VIEW_FIELDS) as (keyof DeliveryView)[]

export function countView(counts: Map<string, number>, before: number, after: number): void {
  if (before === after) return
  const old = viewOf(before)
  const now = viewOf(after)
  for (const key of VIEW_KEYS) count(counts, VIEW_FIELDS[key], now[key] - old[key])
}

export function count(counts: Map<string, number>, field: string, by: number): void {
  if (by !== 0) counts.set(field, (counts.get(field) ?? 0) + by)
}

/** The model of `includes/complete-campaign.lua`. */
export function completeWhenDone(ledger: Ledger): boolean {
  if (ledger.status !== 'running') return false
  const of = (field: Disposition): number => ledger.counts.get(field) ?? 0
  const open = of('pending') + of('sending') + (ledger.onUnknown === 'resend' ? of('unknown') : 0)
  if (open > 0) return false
  ledger.status = 'completed'
  return true
}
