export { Keys } from './keys.ts'
export { closeRedis, connectRedis, whyAway } from './redis.ts'
export type { ConnectionRole, RedisClient } from './redis.ts'
export { CHUNK_ROWS, CLAIM_PATIENCE_MS, Ledger } from './ledger.ts'
export type {
  ClaimedRow,
  ClaimReply,
  ClaimRequest,
  FreePlace,
  ReapReply,
  ResendGate,
  SettledRow,
  SettleReply,
  VisitClosed,
} from './ledger.ts'
export { PAUSED, Senders } from './senders.ts'
export type { SenderBlock, SenderFact, SenderPacing, SlotReply, SlotRequest } from './senders.ts'
export { SenderPauses } from './sender-pause.ts'
export { Chunks, decodeChunk, encodeChunk } from './chunks.ts'
export { NumberSet } from './number-set.ts'
export { storagePlaceOf } from './number-plan.ts'
export { Suppressions } from './suppressions.ts'
export { RecipientAppender } from './append.ts'
export type { AppendReply } from './append.ts'
export { Campaigns, isCursor } from './campaigns.ts'
export type {
  Campaign,
  CampaignReport,
  CampaignSummary,
  ListReply,
  ListRequest,
  MoveReply,
  MoveRequest,
  NewCampaign,
  Reservation,
  Run,
} from './campaigns.ts'
export { Runs } from './runs.ts'
export type { RunReply } from './runs.ts'
export { AliveCampaigns } from './alive.ts'
export type { AliveCampaign } from './alive.ts'
export { LapseBook } from './lapses.ts'
export type { LapsingCampaign } from './lapses.ts'
export { Retention } from './retention.ts'
export type { RetentionTimes } from './retention.ts'
export { memoryShare } from './memory.ts'
export { durabilityWarnings } from './durability.ts'
export { isStoreFailure } from './failure.ts'
export { Recipients } from './recipients.ts'
export type { RecipientState } from './recipients.ts'
export { countLedger, recount, snapshotLedger } from './recount.ts'
export type { Miscount } from './recount.ts'
export { ClaimMemory } from './claim-memory.ts'
export { hasGoneBackwards, Heart } from './heart.ts'
export type { Beat, HeartState, StandingOrder } from './heart.ts'
export { FOLD_LESSONS_MAX, foldFacts } from './fold.ts'
export type { FoldReply } from './fold.ts'
export { FAILURE_DAYS_MAX, FailureNotes, SenderFailures } from './sender-failures.ts'
export type { SenderFailure } from './sender-failures.ts'
export { Refusals } from './refusals.ts'
export type { NotedRefusals } from './refusals.ts'
export { mayWait, MessageIds } from './message-ids.ts'
export type { Match, MessagePlace, NotedMessage, ParkedMessage, WaitingStatus } from './message-ids.ts'
export { ToldMessages } from './told.ts'
export { Lease } from './lease.ts'
export { WebhookLog } from './webhook-log.ts'
export { foldedSoFar, logReach, walkLog } from './log-walk.ts'
export type { LogReach } from './log-walk.ts'
export type { LogBacklog, LogEntry } from './webhook-log.ts'
export { DeadLetters } from './dead-letters.ts'
export type { DeadLetter, KeptLetter, ReplayedLetters } from './dead-letters.ts'
export { digitsOf, Notices } from './notices.ts'
export type { AccountNotice, Heard, NumberNotice, TemplateNotice } from './notices.ts'
export { isTemplateHold, TemplateStandings } from './template-standing.ts'
export type { TemplateAspect, TemplateId } from './template-standing.ts'
export { CLICK_KINDS, Echoes, REPLY_KINDS } from './echoes.ts'
export type { Click, ClickKind, EchoCounts, Reply, ReplyKind } from './echoes.ts'
export { campaignsInSight } from './sight.ts'
export type { CampaignSight } from './sight.ts'
