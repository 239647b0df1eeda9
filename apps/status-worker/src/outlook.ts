/** Why a campaign with work left does not move, and will not before somebody does something. */
export type Standing =
  | 'stopped'
  | 'quarantined'
  /** Of itself: an operator, or the endpoint's word about its template. */
  | 'campaign_paused'
  | 'sender_paused'
  | 'sender_blocked'

/** What holds for a sender, as far as an outlook needs it. */
export type SenderOutlook = {
  /** Messages a second in force; `null`: the sender is not configured here. */
  readonly rate: number | null
  /** It is paused, or blocked until somebody does something. */
  readonly stands: 'sender_paused' | 'sender_blocked' | null
  /** Until when it rests or is blocked, ms; 0: it is not. */
  readonly restsUntil: number
}

export type OutlookInput = {
  /** Ms since 1970, as all times here. */
  readonly now: number
  readonly status: string
  /** Recipients still to be handed over. */
  readonly pending: number
  /** Handed over a second in the last minute; 0: none, or nobody looked for that long. */
  readonly pace: number
  readonly startAt: number | null
  /** Last safe moment of hand-over; `null`: none. */
  readonly notAfter: number | null
  /** Recipients its sender hands over until this campaign is through, its own with them. */
  readonly ahead: number
  readonly sender: SenderOutlook
  /** What keeps everything from being sent. */
  readonly halted: 'stopped' | 'quarantined' | null
}

export type Outlook = {
  /** Seconds until everybody has been handed over; `null`: nobody can tell. */
  readonly eta: number | null
  /** Seconds between that end and the last safe moment; of a campaign that stands: if it went on now. `null`: it has none. */
  readonly slack: number | null
  readonly standing: Standing | null
}

/**
 * When a campaign will be through, and how much time it has to spare. While it moves its pace tells; before it does, and
 * while it stands, the limit of its sender: the deadline goes on also when nothing moves.
 */
export function outlook(input: OutlookInput): Outlook {
  const { now, pending, notAfter } = input
  const slackOf = (eta: number): number | null => (notAfter === null ? null : (notAfter - now) / 1_000 - eta)
  if (hasEnded(input.status)) return { eta: 0, slack: null, standing: null }
  // Its recipients are those of its runs: it hands over nothing itself.
  if (input.status === 'scheduled' && input.startAt === null) return { eta: null, slack: null, standing: null }
  if (pending === 0) return { eta: 0, slack: slackOf(0), standing: null }
  const standing = standingOf(input)
  const { rate, restsUntil } = input.sender
  if (standing === null && input.status === 'running' && input.pace > 0) {
    const eta = pending / input.pace
    return { eta, slack: slackOf(eta), standing }
  }
  // Who knows no limit knows at least that the time to spare is no more than the time left.
  const work = rate === null ? 0 : input.ahead / rate
  if (standing !== null) return { eta: null, slack: slackOf(work), standing }
  const wait = Math.max(0, restsUntil - now, (input.startAt ?? now) - now) / 1_000
  return { eta: rate === null ? null : wait + work, slack: slackOf(wait + work), standing }
}

/** What a sender hands over before a campaign of `pending` recipients is through, itself included: its campaigns share alike. */
export function aheadOf(pending: number, ofSender: readonly number[]): number {
  return ofSender.reduce((sum, other) => sum + Math.min(other, pending), 0)
}

function standingOf({ halted, status, sender }: OutlookInput): Standing | null {
  if (status === 'paused') return 'campaign_paused'
  if (status === 'scheduled') return null
  return halted ?? sender.stands
}

function hasEnded(status: string): boolean {
  return status === 'completed' || status === 'canceled'
}
