import type { Status } from '@chasqui/campaign'

/** What decides when a campaign is through. */
export type LimitedBy =
  /** Nothing is left to hand over. */
  | 'nothing'
  | 'not_started'
  | 'paused'
  | 'sender_rate'
  /** The sender's rate after the endpoint asked for less. */
  | 'sender_throttled'
  | 'sender_blocked'
  /** Its last safe moment comes first: what is pending then expires. */
  | 'deadline'

export type Forecast = {
  /** When the last message will have been handed over, ms; `null` where nobody can tell. */
  readonly finishAt: number | null
  readonly limitedBy: LimitedBy
}

export type ForecastInput = {
  readonly now: number
  readonly status: Status
  /** Recipients still to be handed over. */
  readonly open: number
  readonly startAt: number | null
  readonly notAfter: number | null
  /** Messages a second that the sender may send, and the share of it in force now. */
  readonly messagesPerSecond: number
  readonly factor: number
  /** Until when the sender is blocked, ms; `'open'` when somebody must lift the block; `null` when it is not. */
  readonly blockedUntil: number | 'open' | null
}

/** When a campaign will have handed over its messages, at the rate that its sender may use now and if it is alone there. */
export function forecast(input: ForecastInput): Forecast {
  const { now, status, open, startAt, notAfter } = input
  if (status === 'completed' || status === 'canceled' || (open === 0 && status === 'running'))
    return { finishAt: null, limitedBy: 'nothing' }
  if (status === 'paused') return { finishAt: null, limitedBy: 'paused' }
  if (status === 'draft') return { finishAt: null, limitedBy: 'not_started' }
  if (input.blockedUntil === 'open') return { finishAt: null, limitedBy: 'sender_blocked' }
  const begins = Math.max(now, startAt ?? now, input.blockedUntil ?? now)
  const rate = input.messagesPerSecond * input.factor
  const finishAt = Math.ceil(begins + (open / rate) * 1000)
  if (notAfter !== null && finishAt > notAfter) return { finishAt: notAfter, limitedBy: 'deadline' }
  return { finishAt, limitedBy: whatLimits(input) }
}

function whatLimits(input: ForecastInput): LimitedBy {
  if (input.blockedUntil !== null) return 'sender_blocked'
  if (input.status === 'scheduled') return 'not_started'
  return input.factor < 1 ? 'sender_throttled' : 'sender_rate'
}
