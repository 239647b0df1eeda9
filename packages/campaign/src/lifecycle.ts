/** Where a campaign stands (contract.md, `status`). */
export const STATUSES = ['draft', 'scheduled', 'running', 'paused', 'completed', 'canceled'] as const

export type Status = (typeof STATUSES)[number]

/** What upstream or the clock may ask of a campaign. */
export type Order = 'launch' | 'start' | 'pause' | 'resume' | 'cancel' | 'append'

/** What a campaign's schedule says about it at some instant. */
export type Timing = 'now' | 'later' | 'recurring'

export type Step =
  /** Move from one of `from` to `to`, if it is still there. */
  | { readonly kind: 'move'; readonly from: Status; readonly to: Status }
  /** It is so already: the order was given twice. */
  | { readonly kind: 'already'; readonly status: Status }
  | { readonly kind: 'refused'; readonly status: Status }

/** When a campaign with this schedule would start if it were launched at `now` (ms). A start in the past is `now`. */
export function timingOf(
  schedule: { readonly startAt?: string | undefined; readonly cron?: string | undefined } | undefined,
  now: number,
): Timing {
  if (schedule?.cron !== undefined) return 'recurring'
  if (schedule?.startAt !== undefined && Date.parse(schedule.startAt) > now) return 'later'
  return 'now'
}

/**
 * What an order means for a campaign in a status. A law of the whole: a campaign that ended never moves again, and only
 * `launch`, `start` and `resume` lead to `running`.
 */
export function stepFor(order: Order, status: Status, timing: Timing): Step {
  const resting: Status = timing === 'now' ? 'running' : 'scheduled'
  switch (order) {
    case 'launch':
      if (status === 'draft') return { kind: 'move', from: status, to: resting }
      return status === 'running' || status === 'scheduled' ? { kind: 'already', status } : { kind: 'refused', status }
    case 'start':
      if (status === 'scheduled') return { kind: 'move', from: status, to: 'running' }
      return status === 'running' ? { kind: 'already', status } : { kind: 'refused', status }
    case 'pause':
      if (status === 'running' || status === 'scheduled') return { kind: 'move', from: status, to: 'paused' }
      return status === 'paused' ? { kind: 'already', status } : { kind: 'refused', status }
    case 'resume':
      if (status === 'paused') return { kind: 'move', from: status, to: resting }
      return status === 'running' || status === 'scheduled' ? { kind: 'already', status } : { kind: 'refused', status }
    case 'cancel':
      if (status === 'canceled') return { kind: 'already', status }
      return status === 'completed' ? { kind: 'refused', status } : { kind: 'move', from: status, to: 'canceled' }
    case 'append':
      return status === 'draft' || status === 'scheduled' ? { kind: 'already', status } : { kind: 'refused', status }
  }
}

/** The id of a recurring campaign's run: its parent and the minute it was due, UTC. Two producers name it alike. */
export function runId(parent: string, at: number): string {
  return `${parent}-${new Date(at).toISOString().slice(0, 16).replaceAll(/[-:T]/g, '')}`
}

/** A campaign as a run of it is one: its own schedule, not the parent's. */
export function runSpec<S extends { readonly schedule?: unknown }>(spec: S): Omit<S, 'schedule'> {
  const { schedule: _schedule, ...rest } = spec
  return rest
}
