import type { Logger, Sender } from '@chasqui/runtime'
import type { SendQueue } from '@chasqui/queue'
import type { Batch, RateCard } from '@chasqui/campaign'
import type {
  AppendReply,
  Campaigns,
  Chunks,
  Echoes,
  Heart,
  Miscount,
  Notices,
  Recipients,
  SenderFailures,
  Senders,
  Suppressions,
} from '@chasqui/store'

import type { ApiKey } from './api-keys.ts'
import type { Control } from './control.ts'
import type { ProducerMetrics } from './metrics.ts'
import type { Room } from './room.ts'

/** One upload's way to Redis. */
export type Appender = {
  readonly open: () => Promise<void>
  /** About how many recipients will come, if anybody can tell. */
  readonly expect: (recipients: number) => void
  readonly append: (batch: Batch) => Promise<AppendReply>
  readonly close: () => Promise<void>
}

/** Everything the API leans on. */
export type Context = {
  readonly campaigns: Campaigns
  readonly recipients: Recipients
  readonly chunks: Chunks
  readonly suppressions: Suppressions
  readonly senders: Senders
  readonly failures: SenderFailures
  readonly echoes: Echoes
  readonly notices: Notices
  readonly control: Control
  readonly heart: Heart
  /** Asked before anything new is taken in. */
  readonly room: Room
  /** Which counters of a campaign do not say what its ledger says. */
  readonly recount: (campaign: string) => Promise<Miscount[]>
  /** A fresh upload to a campaign. */
  readonly openAppender: (campaign: string) => Appender
  /** The senders of this installation by id, as SENDERS_FILE says them now. */
  readonly configured: ReadonlyMap<string, Sender>
  readonly queueOf: (sender: string) => SendQueue | null
  readonly apiKeys: readonly ApiKey[]
  /** What messages cost; `null`: nobody has said. */
  readonly rateCard: RateCard | null
  readonly metrics: ProducerMetrics
  readonly logger: Logger
  /** A new campaign's id. */
  readonly newId: () => string
  /** Aborts when the process stops: streams end. */
  readonly stopping: AbortSignal
}
