import { ATTEMPTS_MAX } from './disposition.ts'
import { ruleFor } from './error-table.ts'
import type { ErrorScope, FollowUp } from './error-table.ts'
import { FACT } from './facts.ts'
import type { Outcome } from './outcome.ts'

/** What becomes of the recipient. Times are ms since 1970 by Redis' clock. */
export type Move =
  | { readonly kind: 'accepted'; readonly facts: number }
  | { readonly kind: 'rejected'; readonly code: number }
  | { readonly kind: 'suppressed'; readonly code: number }
  | { readonly kind: 'unknown' }
  /** Comes again at `due`; this attempt counts. */
  | { readonly kind: 'retry'; readonly due: number; readonly code: number }
  /** Back as if never tried: nothing was sent and no attempt is burnt. */
  | { readonly kind: 'released' }

/** What follows for more than this recipient. */
export type Effect =
  | { readonly kind: 'none' }
  /** The number is over its limit: slow down. */
  | { readonly kind: 'throttle'; readonly waitMs: number | null }
  /** The sender rests: the shell lets `restMs` grow while it repeats, and never rests less than the endpoint asked for. */
  | { readonly kind: 'rest'; readonly restMs: number; readonly askedMs: number | null; readonly reason: string }
  | { readonly kind: 'block_sender'; readonly code: number; readonly scope: ErrorScope; readonly forMs: number }
  | { readonly kind: 'hold_campaign'; readonly code: number; readonly forMs: number | null }

export type Decision = { readonly move: Move; readonly effect: Effect }

export type Circumstances = {
  /** The number of this attempt, from 1. */
  readonly attempt: number
  /** Now, ms. */
  readonly now: number
  /** No hand-over after this instant, ms; `null`: no bound. */
  readonly notAfter: number | null
  /** Uniform in [0, 1). */
  readonly random: number
  /** How often the campaign tries a person again whom 131049 refused; absent: never. */
  readonly ecosystemLimitRetries?: number | undefined
}

const NONE: Effect = { kind: 'none' }
const RELEASED: Move = { kind: 'released' }
/** Nearly every answer: the same for all of them. */
const TAKEN: Decision = { move: { kind: 'accepted', facts: 0 }, effect: NONE }
const HELD: Decision = { move: { kind: 'accepted', facts: FACT.held }, effect: NONE }

/** This person had enough marketing for now. */
const ECOSYSTEM_LIMIT = 131049
const DAY_MS = 86_400_000

/** Surely not sent (a refused connection, DNS): the sender rests this long at first, ms. */
const TRANSPORT_REST = 250

/** What follows from an outcome. Pure: time and chance are arguments. */
export function decide(outcome: Outcome, at: Circumstances): Decision {
  switch (outcome.kind) {
    case 'accepted':
      return outcome.held ? HELD : TAKEN
    case 'lost':
      return { move: { kind: 'unknown' }, effect: NONE }
    case 'held_back':
      return { move: RELEASED, effect: NONE }
    case 'not_sent':
      return { move: RELEASED, effect: { kind: 'rest', restMs: TRANSPORT_REST, askedMs: null, reason: outcome.reason } }
    case 'refused': {
      const again = at.ecosystemLimitRetries ?? 0
      if (outcome.code === ECOSYSTEM_LIMIT && again > 0)
        return { move: ecosystemMove(again, outcome.waitMs, at), effect: NONE }
      const rule = ruleFor(outcome.code, outcome.httpStatus)
      return followUp(rule.follow, rule.scope, outcome.code, outcome.waitMs, at)
    }
  }
}

function followUp(
  follow: FollowUp,
  scope: ErrorScope,
  code: number,
  waitMs: number | null,
  at: Circumstances,
): Decision {
  switch (follow.kind) {
    case 'throttle':
      return { move: RELEASED, effect: { kind: 'throttle', waitMs } }
    case 'rest':
      return {
        move: RELEASED,
        effect: { kind: 'rest', restMs: follow.seconds * 1_000, askedMs: waitMs, reason: `code ${code}` },
      }
    case 'retry':
      return { move: retryMove(follow, code, waitMs, at), effect: NONE }
    case 'reject':
      return { move: { kind: 'rejected', code }, effect: NONE }
    case 'suppress':
      return { move: { kind: 'suppressed', code }, effect: NONE }
    case 'hold_campaign':
      return {
        move: RELEASED,
        effect: { kind: 'hold_campaign', code, forMs: follow.seconds === null ? null : follow.seconds * 1_000 },
      }
    case 'block_sender':
      return { move: RELEASED, effect: { kind: 'block_sender', code, scope, forMs: follow.seconds * 1_000 } }
    case 'unknown':
      return { move: { kind: 'unknown' }, effect: NONE }
  }
}

/**
 * Tried again where the campaign says so, no sooner than a day later whatever the answer asks for: tries within 24 h can
 * block the person for longer. This is the refusal that answers a request, so surely nothing was sent. The same code in a
 * `failed` status stays final: the message was accepted once, and a late `delivered` may still contradict that word.
 */
function ecosystemMove(retries: number, waitMs: number | null, at: Circumstances): Move {
  const wait = Math.max(waitMs ?? 0, DAY_MS)
  return retryMove({ kind: 'retry', seconds: DAY_MS / 1_000, factor: 1, retries }, ECOSYSTEM_LIMIT, wait, at)
}

/** A retry that could only come after the last safe moment is none. */
function retryMove(follow: FollowUp & { kind: 'retry' }, code: number, waitMs: number | null, at: Circumstances): Move {
  const retriesUsed = at.attempt - 1
  if (retriesUsed >= follow.retries || at.attempt >= ATTEMPTS_MAX) return { kind: 'rejected', code }
  const due = at.now + retryDelay(follow.seconds, follow.factor, retriesUsed, waitMs, at.random)
  if (at.notAfter !== null && due > at.notAfter) return { kind: 'rejected', code }
  return { kind: 'retry', due, code }
}

/**
 * Milliseconds until a retry: the endpoint's own wish if it has one, else `seconds * factor^n` plus up to a quarter so
 * that those refused together do not come back together. Never earlier than asked.
 */
export function retryDelay(
  seconds: number,
  factor: number,
  retriesUsed: number,
  waitMs: number | null,
  random: number,
): number {
  const base = waitMs ?? seconds * 1_000 * factor ** retriesUsed
  return Math.round(base * (1 + random / 4))
}

/**
 * How long a sender rests after the n-th failure in a row (n from 0), ms: exponential with full jitter, between a
 * quarter of the base and a minute (or the base, if that is longer).
 */
export function restDelay(baseMs: number, failuresBefore: number, random: number): number {
  const ceiling = Math.min(baseMs * 2 ** Math.min(failuresBefore, 20), Math.max(60_000, baseMs))
  return Math.round(Math.max(baseMs / 4, ceiling * random))
}
