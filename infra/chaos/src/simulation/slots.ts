/** What all processes share about a sender's pace: the model of grant-slots.lua and slow-sender.lua. */
export type Pace = {
  /** When the next slot is free, µs. */
  next: number
  /** Share of the limit in force. */
  factor: number
  /** When the factor was learned, ms. */
  changed: number | null
  restUntil: number
  /** How late a message may leave after its slot, ms, and when somebody last wished so. */
  late: number
  lateAt: number | null
}

export type SlotQuestion = {
  readonly wanted: number
  readonly messagesPerSecond: number
  readonly horizonMs: number
  readonly lateMs: number
  readonly leadMs: number
  /** µs. */
  readonly nowUs: number
}

export type SlotAnswer =
  | {
      readonly kind: 'slots'
      readonly count: number
      readonly firstUs: number
      readonly spacingNs: number
      readonly lateMs: number
    }
  | { readonly kind: 'wait'; readonly waitMs: number }

/** The largest lateness wished for holds for all until nobody has wished for as much for this long, ms. */
const LATE_HELD_MS = 2_000

export function newPace(): Pace {
  return { next: 0, factor: 1, changed: null, restUntil: 0, late: 0, lateAt: null }
}

export function grantSlots(pace: Pace, ask: SlotQuestion): SlotAnswer {
  const now = Math.floor(ask.nowUs / 1_000)
  if (pace.restUntil > now) return { kind: 'wait', waitMs: pace.restUntil - now }
  const limit = Math.max(ask.messagesPerSecond * factorNow(pace, now), 0.1)
  const letGo = pace.late > ask.lateMs && now - (pace.lateAt ?? now) >= LATE_HELD_MS
  const late = letGo ? ask.lateMs : Math.max(ask.lateMs, pace.late)
  const gapUs = letGo ? (pace.late - ask.lateMs) * 1_000 : 0
  const spacingUs = (1_000_000 * (1.003 + late / 1_000)) / limit
  const first = Math.max(pace.next + gapUs, ask.nowUs + ask.leadMs * 1_000)
  const horizon = ask.nowUs + ask.horizonMs * 1_000
  if (first > horizon) return { kind: 'wait', waitMs: Math.ceil((first - horizon) / 1_000) }
  const count = Math.min(ask.wanted, Math.floor((horizon - first) / spacingUs) + 1)
  pace.next = Math.round(first + count * spacingUs)
  if (ask.lateMs >= late) {
    pace.late = late
    pace.lateAt = now
  }
  return {
    kind: 'slots',
    count,
    firstUs: Math.floor(first - ask.nowUs),
    spacingNs: Math.floor(spacingUs * 1_000),
    lateMs: late,
  }
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
