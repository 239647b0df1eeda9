import { DRAW, lognormal, lotOf, pick } from './chance.ts'
import type { Lot } from './chance.ts'
import type { SimulatorConfig } from './config.ts'
import { FACT } from './fact.ts'
import type { Lost } from './lost.ts'

/** What one attempt at a recipient meets, before its answer leaves. */
export type AttemptFate = {
  /** A code that this recipient always gets. */
  readonly rejected: number | null
  /** A code that only this attempt gets. */
  readonly stumble: number | null
  readonly lost: Lost | null
  /** Until the answer leaves, in milliseconds. */
  readonly latencyMs: number
  /** The first status is acknowledged before the answer leaves. */
  readonly earlyStatus: boolean
}

/** What happens to a message once the endpoint took it. It belongs to the recipient: every attempt meets the same. */
export type DeliveryFate = {
  /** A set of `FACT`s. `delivered` is missing beside `read` where no webhook tells it: `read` implies it. */
  readonly facts: number
  /** The code it fails with; `null` unless `facts` has `failed`. */
  readonly failedCode: number | null
}

/** The same seed, recipient and attempt number (from 0) always meet the same. Pure. */
export function attemptFate(config: SimulatorConfig, phone: number, attempt: number): AttemptFate {
  const { answers } = config
  const forEver = lotOf(config.seed, phone, 0)
  const now = lotOf(config.seed, phone, attempt)
  return {
    rejected:
      forEver(DRAW.rejected) < answers.rejectedShare ? pick(answers.rejectedCodes, forEver(DRAW.rejectedCode)) : null,
    stumble: now(DRAW.stumbles) < answers.stumbleShare ? pick(answers.stumbleCodes, now(DRAW.stumbleCode)) : null,
    lost: now(DRAW.lost) < answers.lostShare ? pick(answers.lostKinds, now(DRAW.lostHow)) : null,
    latencyMs: latencyMs(config, now),
    earlyStatus: now(DRAW.early) < answers.earlyStatusShare,
  }
}

/** `mayFallBack`: the request's `product_policy` allows Cloud API. `onboarded`: the number's terms are signed. */
export function deliveryFate(
  config: SimulatorConfig,
  phone: number,
  route: { readonly mayFallBack: boolean; readonly onboarded: boolean },
): DeliveryFate {
  const lot = lotOf(config.seed, phone, 0)
  const fellBack = !route.onboarded || (route.mayFallBack && lot(DRAW.fellBack) < config.delivery.fallbackShare)
  const way = fellBack ? FACT.fallback : FACT.marketingLite
  const held = lot(DRAW.held) < config.answers.heldShare
  if (held && lot(DRAW.heldDropped) < config.answers.heldDroppedShare) {
    return { facts: way | FACT.held | FACT.failed, failedCode: 132015 }
  }
  return withWay(arrival(config, lot), way | (held ? FACT.held : 0))
}

function withWay(fate: DeliveryFate, facts: number): DeliveryFate {
  return { ...fate, facts: fate.facts | facts }
}

function arrival({ delivery }: SimulatorConfig, lot: Lot): DeliveryFate {
  if (lot(DRAW.failed) < delivery.failedShare) {
    const sent = lot(DRAW.sentBeforeFailed) < delivery.sentBeforeFailedShare ? FACT.sent : 0
    const delivered = lot(DRAW.deliveredAlthoughFailed) < delivery.deliveredAlthoughFailedShare ? FACT.delivered : 0
    return { facts: FACT.failed | sent | delivered, failedCode: pick(delivery.failedCodes, lot(DRAW.failedCode)) }
  }
  if (lot(DRAW.delivered) >= delivery.deliveredShare) return { facts: FACT.sent, failedCode: null }
  if (lot(DRAW.read) >= delivery.readShare) return { facts: FACT.sent | FACT.delivered, failedCode: null }
  const skipped = lot(DRAW.readWithoutDelivered) < delivery.readWithoutDeliveredShare
  return { facts: FACT.sent | FACT.read | (skipped ? 0 : FACT.delivered), failedCode: null }
}

function latencyMs({ answers }: SimulatorConfig, lot: Lot): number {
  const drawn = lognormal(answers.latencyP50Ms, answers.latencyP95Ms, lot(DRAW.latency), lot(DRAW.latency + 1))
  return Math.min(answers.latencyMaxMs, drawn)
}
