import type { Move } from './decide.ts'
import { attemptsOf, ATTEMPTS_MAX, dispositionOf, ledgerByte, STATE, stateOf } from './disposition.ts'
import type { Disposition, StateCode } from './disposition.ts'
import { count, countView, completeWhenDone } from './fold.ts'
import type { Ledger } from './fold.ts'
import { noteClaimed } from './lapses.ts'

/**
 * Claiming, settling, giving up and ending, as the scripts of `packages/store` do them in Redis; a differential test
 * holds the two together. Times are ms by one clock.
 */
export type ClaimLedger = Ledger & {
  /** Recipients a chunk. */
  readonly chunkRows: number
  /** Last safe moment of hand-over; `null`: none. */
  notAfter: number | null
  /** Its sender is paused: nothing is claimed, whatever the status. */
  barred: boolean
  /**
   * Some of its messages left without callback data: no status can tell of a lost answer, so nobody is sent to again.
   * Absent: none did.
   */
  untraced?: boolean
  readonly claims: Map<string, Claim>
  /** How many claims each claimant has made; only grows. */
  readonly made: Map<string, number>
  /** When the attempt began whose answer is lost, by ordinal; 0: it will not be sent again. */
  readonly lostSince: Map<number, number>
  /** When the retries are due, by ordinal. */
  readonly dues: Map<number, number>
}

export type Claim = {
  readonly chunk: number
  /** Which of its claimant's claims it is. */
  readonly serial: number
  /**
   * The attempt of each row it was made of, without those that came back unsent. It holds those of them that are still
   * `sending` under that attempt: of the others, the ledger tells that they are settled.
   */
  readonly rows: Map<number, number>
  readonly claimedAt: number
  readonly leaseEnd: number
}

export type ClaimQuestion = {
  readonly token: string
  /** Who asks; nobody else counts its claims on. */
  readonly claimant: string
  /** How many claims of this campaign it knows itself to have made. A ledger that knows of fewer has gone backwards. */
  readonly remembered: number
  readonly chunk: number
  readonly fromRow: number
  readonly most: number
  readonly bornAt: number
  readonly patienceMs: number
  readonly leaseMs: number
  readonly marginMs: number
  readonly now: number
}

export type ClaimAnswer =
  | {
      readonly kind: 'claimed'
      readonly rows: ReadonlyArray<{ readonly row: number; readonly attempt: number }>
      readonly nextRow: number
      /** Which of the claimant's claims this is, from 1; 0: nothing was claimed. */
      readonly serial: number
    }
  /** The ledger has forgotten claims: who sends from it sends twice. */
  | { readonly kind: 'backwards' }
  | { readonly kind: 'late' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'stopped'; readonly status: string }

/** Any of these proves that the endpoint has the message; routes never come alone. */
const SENT_PROOF = 31

export function claimWindow(ledger: ClaimLedger, ask: ClaimQuestion): ClaimAnswer {
  const held = ledger.claims.get(ask.token)
  if (held !== undefined) {
    const rows = [...held.rows].map(([row, attempt]) => ({ row, attempt }))
    return { kind: 'claimed', rows, nextRow: (rows.at(-1)?.row ?? -1) + 1, serial: held.serial }
  }
  const made = ledger.made.get(ask.claimant) ?? 0
  if (made < ask.remembered) return { kind: 'backwards' }
  if (ask.now - ask.bornAt > ask.patienceMs) return { kind: 'late' }
  if (ledger.status !== 'running') return { kind: 'stopped', status: ledger.status }
  if (ledger.barred) return { kind: 'stopped', status: 'sender_paused' }
  if (ledger.notAfter !== null && ask.now + ask.marginMs > ledger.notAfter) return { kind: 'expired' }

  const base = ask.chunk * ledger.chunkRows
  const end = Math.min(ledger.chunkRows, ledger.states.length - base)
  const rows: Array<{ row: number; attempt: number }> = []
  let row = ask.fromRow
  for (; row < end && rows.length < ask.most; row++) {
    if (!isFree(ledger, base + row, ask.now)) continue
    const attempt = attemptsOf(ledger.states[base + row] ?? 0) + 1
    become(ledger, base + row, STATE.sending, attempt)
    ledger.retries.delete(base + row)
    ledger.dues.delete(base + row)
    rows.push({ row, attempt })
  }
  if (rows.length > 0) {
    ledger.made.set(ask.claimant, made + 1)
    ledger.claims.set(ask.token, {
      chunk: ask.chunk,
      serial: made + 1,
      rows: new Map(rows.map((claimed) => [claimed.row, claimed.attempt])),
      claimedAt: ask.now,
      leaseEnd: ask.now + ask.leaseMs,
    })
    noteClaimed(ledger.lapses, ask.chunk, ask.now + ask.leaseMs)
  }
  const nextRow = row >= end ? ledger.chunkRows : row
  return { kind: 'claimed', rows, nextRow, serial: rows.length > 0 ? made + 1 : 0 }
}

function isFree(ledger: ClaimLedger, ordinal: number, now: number): boolean {
  const byte = ledger.states[ordinal] ?? 0
  const state = stateOf(byte)
  const due = state === STATE.waiting && (ledger.dues.get(ordinal) ?? 0) <= now
  const proven = ((ledger.facts[ordinal] ?? 0) & SENT_PROOF) !== 0
  return (state === STATE.pending || due) && !proven && attemptsOf(byte) < ATTEMPTS_MAX
}

export type Settlement = { readonly row: number; readonly move: Move }

export function settleRows(
  ledger: ClaimLedger,
  token: string,
  chunk: number,
  settlements: readonly Settlement[],
): { readonly settled: number; readonly stale: number; readonly completed: boolean } {
  const held = ledger.claims.get(token)
  const claim = held?.chunk === chunk ? held : undefined
  let stale = 0
  for (const { row, move } of settlements) {
    const ordinal = chunk * ledger.chunkRows + row
    const byte = ledger.states[ordinal] ?? 0
    const attempts = attemptsOf(byte)
    const ours = claim?.rows.get(row) === attempts && stateOf(byte) === STATE.sending
    if (ours) applyMove(ledger, ordinal, attempts, move, claim?.claimedAt ?? 0)
    else if (move.kind === 'accepted' && attempts > 0 && isGivenUp(byte)) {
      if (stateOf(byte) === STATE.unknown) count(ledger.counts, 'settled:answer', 1)
      acceptLate(ledger, ordinal, attempts, move.facts)
    } else stale += 1
    // It could be sending under the same attempt again, in another claim.
    if (ours && move.kind === 'released') claim.rows.delete(row)
  }
  if (claim !== undefined && !holdsAny(ledger, claim)) ledger.claims.delete(token)
  return { settled: settlements.length - stale, stale, completed: completeWhenDone(ledger) }
}

function holdsAny(ledger: ClaimLedger, claim: Claim): boolean {
  const base = claim.chunk * ledger.chunkRows
  return [...claim.rows].some(([row, attempt]) => ledger.states[base + row] === ledgerByte(STATE.sending, attempt))
}

function applyMove(ledger: ClaimLedger, ordinal: number, attempts: number, move: Move, claimedAt: number): void {
  switch (move.kind) {
    case 'accepted':
      accept(ledger, ordinal, attempts, move.facts)
      return
    case 'rejected':
      become(ledger, ordinal, STATE.rejected, attempts)
      count(ledger.counts, `error:${move.code}`, 1)
      return
    case 'suppressed':
      become(ledger, ordinal, STATE.suppressed, attempts)
      if (move.code > 0) count(ledger.counts, `error:${move.code}`, 1)
      return
    case 'unknown':
      become(ledger, ordinal, STATE.unknown, attempts)
      ledger.unknowns.add(ordinal)
      ledger.lostSince.set(ordinal, claimedAt)
      return
    case 'retry':
      become(ledger, ordinal, STATE.waiting, attempts)
      ledger.retries.add(ordinal)
      ledger.dues.set(ordinal, move.due)
      return
    case 'released':
      become(ledger, ordinal, STATE.pending, attempts - 1)
  }
}

/** Given up when its lease died, or since released for another attempt that has not begun. */
function isGivenUp(byte: number): boolean {
  const state = stateOf(byte)
  return state === STATE.pending || state === STATE.waiting || state === STATE.unknown
}

function acceptLate(ledger: ClaimLedger, ordinal: number, attempts: number, facts: number): void {
  ledger.retries.delete(ordinal)
  ledger.dues.delete(ordinal)
  ledger.unknowns.delete(ordinal)
  accept(ledger, ordinal, attempts, facts)
}

function accept(ledger: ClaimLedger, ordinal: number, attempts: number, facts: number): void {
  become(ledger, ordinal, STATE.accepted, attempts)
  const known = ledger.facts[ordinal] ?? 0
  countView(ledger.counts, known, known | facts)
  ledger.facts[ordinal] = known | facts
}

export function reapClaims(
  ledger: ClaimLedger,
  now: number,
): { readonly claims: number; readonly lost: number; readonly completed: boolean } {
  const dead = [...ledger.claims].filter(([, claim]) => claim.leaseEnd <= now)
  let lost = 0
  for (const [token, claim] of dead) {
    ledger.claims.delete(token)
    for (const [row, attempt] of claim.rows) {
      const ordinal = claim.chunk * ledger.chunkRows + row
      if (ledger.states[ordinal] !== ledgerByte(STATE.sending, attempt)) continue
      become(ledger, ordinal, STATE.unknown, attempt)
      ledger.unknowns.add(ordinal)
      ledger.lostSince.set(ordinal, claim.claimedAt)
      lost += 1
    }
  }
  return { claims: dead.length, lost, completed: completeWhenDone(ledger) }
}

export type ReleaseQuestion = {
  readonly windowMs: number
  /** The latest event of the sender that a webhook has told of. */
  readonly webhooksUntil: number
  readonly flowMs: number
  readonly giveUpMs: number
  readonly marginMs: number
  readonly attemptsMax: number
  /** What quiet-end.ts says of the end of a campaign that runs alone; left out: nothing. */
  readonly quiet?: QuietEnd | undefined
  readonly now: number
}

/** Attempts that began by `until` (ms) were not taken, as long as nobody is open and nobody else was accepted. */
export type QuietEnd = { readonly until: number; readonly accepted: number }

/** Send again what is unknown, where the campaign says so and webhooks were seen to flow after the attempt. */
export function releaseUnknowns(
  ledger: ClaimLedger,
  ask: ReleaseQuestion,
): { readonly freed: number; readonly completed: boolean } {
  if (ledger.status !== 'running' || ledger.onUnknown !== 'resend') return { freed: 0, completed: false }
  const over = ledger.untraced === true || (ledger.notAfter !== null && ask.now + ask.marginMs > ledger.notAfter)
  const flowed = Math.max(ask.webhooksUntil - ask.flowMs, quietUntil(ledger, ask.quiet))
  const latest = Math.min(ask.now - ask.windowMs, flowed)
  const givenUp = ask.now - ask.giveUpMs
  let freed = 0
  for (const ordinal of over ? [] : [...ledger.unknowns]) {
    const since = ledger.lostSince.get(ordinal) ?? 0
    if (since <= givenUp || since > latest) continue
    const attempts = attemptsOf(ledger.states[ordinal] ?? 0)
    if (attempts >= ask.attemptsMax) {
      ledger.lostSince.set(ordinal, 0)
      continue
    }
    become(ledger, ordinal, STATE.pending, attempts)
    count(ledger.counts, 'settled:resend', 1)
    ledger.unknowns.delete(ordinal)
    freed += 1
  }
  const hopeful = over
    ? 0
    : [...ledger.unknowns].filter((ordinal) => (ledger.lostSince.get(ordinal) ?? 0) > givenUp).length
  const open = (ledger.counts.get('pending') ?? 0) + (ledger.counts.get('sending') ?? 0) + hopeful
  if (open === 0) ledger.status = 'completed'
  return { freed, completed: open === 0 }
}

function quietUntil({ counts }: ClaimLedger, quiet: QuietEnd | undefined): number {
  if (quiet === undefined || (counts.get('accepted') ?? 0) !== quiet.accepted) return 0
  return (counts.get('pending') ?? 0) + (counts.get('sending') ?? 0) === 0 ? quiet.until : 0
}

/** `null`: the campaign is neither canceled nor past its last safe moment. */
export function finishChunk(
  ledger: ClaimLedger,
  chunk: number,
  marginMs: number,
  now: number,
): { readonly ended: number; readonly completed: boolean } | null {
  const over = ledger.notAfter !== null && now + marginMs > ledger.notAfter
  const expired = over && (ledger.status === 'running' || ledger.status === 'paused')
  if (ledger.status !== 'canceled' && !expired) return null
  const state = ledger.status === 'canceled' ? STATE.canceled : STATE.expired
  let ended = 0
  const base = chunk * ledger.chunkRows
  for (let ordinal = base; ordinal < Math.min(base + ledger.chunkRows, ledger.states.length); ordinal++) {
    const byte = ledger.states[ordinal] ?? 0
    if (stateOf(byte) !== STATE.pending && stateOf(byte) !== STATE.waiting) continue
    become(ledger, ordinal, state, attemptsOf(byte))
    ledger.retries.delete(ordinal)
    ledger.dues.delete(ordinal)
    ended += 1
  }
  return { ended, completed: completeWhenDone(ledger) }
}

function become(ledger: ClaimLedger, ordinal: number, state: StateCode, attempts: number): void {
  const before = dispositionOf(ledger.states[ordinal] ?? 0)
  const after: Disposition | null = dispositionOf(state)
  if (before !== null) count(ledger.counts, before, -1)
  if (after !== null) count(ledger.counts, after, 1)
  ledger.states[ordinal] = ledgerByte(state, attempts)
}
