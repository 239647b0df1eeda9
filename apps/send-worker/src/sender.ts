import type { Move, Outcome } from '@chasqui/delivery'
import type { ClaimReply } from '@chasqui/store'

/** Everything a send-worker tells about what it does; metrics and logs attach here. */
export type SendEvents = {
  /** A message's outcome and what became of its recipient. `seconds`: from request to answer. */
  readonly sent: (sender: string, outcome: Outcome, move: Move, seconds: number) => void
  readonly claimed: (sender: string, result: ClaimReply['kind'], recipients: number) => void
  readonly settled: (sender: string, settled: number, stale: number) => void
  readonly completed: (campaign: string) => void
  readonly trouble: (what: string, error: unknown) => void
}
