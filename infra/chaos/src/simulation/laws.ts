import { dispositionOf, DISPOSITIONS, ledgerByte, STATE, stateOf, viewOf } from '@chasqui/delivery'
import type { ClaimLedger, DeliveryView } from '@chasqui/delivery'

/** A law was broken: which, and how. */
export class Violation extends Error {
  readonly law: string

  constructor(law: string, how: string) {
    super(`${law}: ${how}`)
    this.name = 'Violation'
    this.law = law
  }
}

const VIEW_FIELDS: ReadonlyArray<readonly [keyof DeliveryView, string]> = [
  ['sent', 'delivery:sent'],
  ['delivered', 'delivery:delivered'],
  ['read', 'delivery:read'],
  ['failed', 'delivery:failed'],
  ['undelivered', 'delivery:undelivered'],
  ['held', 'delivery:held'],
  ['marketing_lite', 'route:marketing_lite'],
  ['marketing', 'route:marketing'],
]
/** `viewOf` by byte: it is asked for every recipient after every step. */
const VIEWS = Array.from({ length: 256 }, (_, facts) => viewOf(facts))

/** Laws 1, 2 and 7 at one instant: everything counted is what a recount finds, and nothing is kept beyond its need. */
export function checkLedger(ledger: ClaimLedger): void {
  const { states, facts, counts } = ledger
  const found = new Map<string, number>()
  let recipients = 0
  for (const byte of states) {
    const disposition = dispositionOf(byte)
    if (disposition === null) continue
    recipients += 1
    found.set(disposition, (found.get(disposition) ?? 0) + 1)
  }
  for (const disposition of DISPOSITIONS) expectCount(counts, disposition, found.get(disposition) ?? 0)
  expectCount(counts, 'recipients', recipients)
  for (const [name, field] of VIEW_FIELDS) {
    let sum = 0
    for (const byte of facts) sum += VIEWS[byte]?.[name] ?? 0
    expectCount(counts, field, sum)
  }
  const at = (field: string): number => counts.get(field) ?? 0
  if (at('delivery:sent') < at('delivery:delivered') || at('delivery:delivered') < at('delivery:read'))
    throw new Violation('law 2', 'sent >= delivered >= read does not hold')
  checkSides(ledger)
}

/** What lies beside the bytes belongs to them: a retry waits, an unknown is unknown, a claimed row is being sent. */
function checkSides({ states, retries, unknowns, claims, chunkRows }: ClaimLedger): void {
  for (const ordinal of retries)
    if (stateOf(states[ordinal] ?? 0) !== STATE.waiting)
      throw new Violation('law 7', 'a retry of a recipient that does not wait')
  for (const ordinal of unknowns)
    if (stateOf(states[ordinal] ?? 0) !== STATE.unknown) throw new Violation('law 7', 'an unknown that is known')
  let held = 0
  for (const { chunk, rows } of claims.values())
    for (const [row, attempt] of rows)
      if (states[chunk * chunkRows + row] === ledgerByte(STATE.sending, attempt)) held += 1
  let sending = 0
  let unknown = 0
  for (const byte of states) {
    if (stateOf(byte) === STATE.sending) sending += 1
    if (stateOf(byte) === STATE.unknown) unknown += 1
  }
  // Nobody would ever give up who is sent to without a claim.
  if (held < sending) throw new Violation('law 7', 'a recipient is being sent to without a claim')
  if (held > sending) throw new Violation('law 7', 'a recipient is being sent to by two claims')
  if (unknown !== unknowns.size) throw new Violation('law 7', 'an unknown recipient that nobody looks after')
}

function expectCount(counts: ReadonlyMap<string, number>, field: string, found: number): void {
  const counted = counts.get(field) ?? 0
  if (counted !== found) throw new Violation('law 1', `${field} says ${counted}, the ledger ${found}`)
}
