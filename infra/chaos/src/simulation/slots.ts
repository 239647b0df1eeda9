import { grantPermits, newPermits } from '@chasqui/delivery'
import type { PermitAnswer, PermitQuestion, Permits } from '@chasqui/delivery'

/** What all processes share about a sender's pace: the model of grant-slots.lua and slow-sender.lua. */
export type Pace = {
  readonly permits: Permits
  /** Share of the limit in force. */
  factor: number
  /** When the factor was learned, ms. */
  changed: number | null
  restUntil: number
}

export function newPace(): Pace {
  return { permits: newPermits(), factor: 1, changed: null, restUntil: 0 }
}

/** `ask.limit`: as configured. */
export function grantSlots(pace: Pace, ask: PermitQuestion): PermitAnswer {
  const now = Math.floor(ask.nowUs / 1_000)
  if (pace.restUntil > now) return { kind: 'wait', waitMs: pace.restUntil - now }
  return grantPermits(pace.permits, { ...ask, limit: Math.max(ask.limit * factorNow(pace, now), 0.1) })
}

/** The endpoint said that the sender is too fast, or that it should rest. `now`, `restMs`: ms. */
export function slowSender(pace: Pace, kind: 'throttle' | 'rest', restMs: number, now: number): void {
  const changed = pace.changed ?? 0
  if (kind === 'throttle' && now - changed > 1_000) {
    pace.factor = Math.max(factorNow(pace, now) * 0.7, 0.02)
    pace.changed = now
  }
  pace.restUntil = Math.max(pace.restUntil, now + restMs)
}

function factorNow(pace: Pace, now: number): number {
  if (pace.factor >= 1) return pace.factor
  return Math.min(1, pace.factor + ((now - (pace.changed ?? now)) / 1_000) * 0.05)
}
