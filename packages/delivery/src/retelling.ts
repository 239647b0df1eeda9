import { dispositionOf } from './disposition.ts'
import { FACT, learn, PROOF } from './facts.ts'
import { count, countView } from './fold.ts'
import type { Lesson } from './fold.ts'

/**
 * A campaign's delivery numbers told once more, from the log of webhooks alone, to be held against what its ledger counts.
 * Two bytes a recipient, and four more once one fails.
 */
export type Retelling = {
  /** What is surely folded says so; one byte of facts an ordinal. */
  readonly certain: Uint8Array
  /** What came while the ledger was read says so: it may be folded, or not yet. */
  readonly possible: Uint8Array
  /** The code of each recipient's first failure in the log; `null` while nobody failed. */
  codes: Uint32Array | null
  /** Recipients that failed with more than one code: the ledger counts the code that was folded first. */
  readonly undecided: Set<number>
  /** Lessons about places outside the ledger. */
  strangers: number
}

/** Facts that are not, or not only, learned from webhooks: the answer to a send may tell `held`, and we infer `undelivered`. */
const OURS = FACT.held | FACT.undelivered

/** The fold counts what does not fit under code 0. */
const UINT32_MAX = 0xffff_ffff

/** @param ordinals length of the ledger. */
export function startRetelling(ordinals: number): Retelling {
  const [certain, possible] = [new Uint8Array(ordinals), new Uint8Array(ordinals)]
  return { certain, possible, codes: null, undecided: new Set(), strangers: 0 }
}

/** @param folded whether the ledger surely knew this when it was read. */
export function retell(so: Retelling, { ordinal, facts, errorCode }: Lesson, folded: boolean): void {
  const [certain, possible] = [so.certain[ordinal], so.possible[ordinal]]
  if (certain === undefined || possible === undefined) {
    so.strangers += 1
    return
  }
  if ((facts & FACT.failed) !== 0) noteCode(so, ordinal, errorCode, ((certain | possible) & FACT.failed) !== 0)
  const list = folded ? so.certain : so.possible
  list[ordinal] = learn(list[ordinal] ?? 0, facts)
}

function noteCode(so: Retelling, ordinal: number, told: number, failedBefore: boolean): void {
  so.codes ??= new Uint32Array(so.certain.length)
  const code = told >= 0 && told <= UINT32_MAX ? told : 0
  if (!failedBefore) so.codes[ordinal] = code
  else if (so.codes[ordinal] !== code) so.undecided.add(ordinal)
}

/** What the ledger said, all of it at one instant. */
export type LedgerSnapshot = {
  readonly states: Uint8Array
  readonly facts: Uint8Array
  /** The counts hash; a missing field is 0. */
  readonly counts: ReadonlyMap<string, number>
}

export type Comparison = {
  /** Every counter that comes from webhooks: as the ledger counts it, and as the log tells it. */
  readonly counters: readonly { readonly field: string; readonly counted: number; readonly told: number }[]
  /** Recipients of whom the ledger does not know all that the log tells: what was acknowledged is not counted. */
  readonly unfolded: number
  /** Recipients of whom the ledger knows more than the log tells: counted without a webhook, or the log is not whole. */
  readonly untold: number
  /** Recipients that a webhook proves sent to, and that are not `accepted`. */
  readonly notAccepted: number
}

const FIELDS = [
  'delivery:sent',
  'delivery:delivered',
  'delivery:read',
  'delivery:failed',
  'delivery:undelivered',
  'delivery:held',
  'route:marketing_lite',
  'route:marketing',
] as const

/** Hold what the log tells against the ledger. */
export function compareRetelling(so: Retelling, { states, facts, counts }: LedgerSnapshot): Comparison {
  const told = new Map<string, number>(FIELDS.map((field) => [field, 0]))
  let [unfolded, untold, notAccepted] = [0, 0, 0]
  for (const [ordinal, state] of states.entries()) {
    const disposition = dispositionOf(state)
    if (disposition === null) continue
    const [known, certain] = [facts[ordinal] ?? 0, so.certain[ordinal] ?? 0]
    // Of what may be folded or not, what the ledger says is so; as is what no webhook tells.
    const rebuilt = certain | (known & ((so.possible[ordinal] ?? 0) | OURS))
    if ((rebuilt & ~known) !== 0) unfolded += 1
    if ((known & ~rebuilt) !== 0) untold += 1
    if ((certain & PROOF) !== 0 && disposition !== 'accepted') notAccepted += 1
    countView(told, 0, rebuilt)
    if ((rebuilt & FACT.failed) !== 0) count(told, `error:${codeOf(so, ordinal)}`, 1)
  }
  const errors = [...counts.keys(), ...told.keys()].filter((field) => field.startsWith('error:'))
  const counters = [...new Set([...FIELDS, ...errors])].map((field) => ({
    field,
    counted: counts.get(field) ?? 0,
    told: told.get(field) ?? 0,
  }))
  return { counters, unfolded, untold, notAccepted }
}

/** The counters on which the two disagree. Error codes may lie apart by the recipients that failed with several. */
export function disagreements(so: Retelling, { counters }: Comparison): Comparison['counters'] {
  const apart = counters.filter(({ counted, told }) => counted !== told)
  const errors = apart.filter(({ field }) => field.startsWith('error:'))
  const moved = errors.reduce((sum, { counted, told }) => sum + Math.abs(counted - told), 0)
  const balanced = errors.reduce((sum, { counted, told }) => sum + counted - told, 0) === 0
  return balanced && moved <= 2 * so.undecided.size ? apart.filter((each) => !errors.includes(each)) : apart
}

function codeOf(so: Retelling, ordinal: number): number {
  return so.codes?.[ordinal] ?? 0
}
