import { mergeLessons } from '@chasqui/delivery'
import { FOLD_LESSONS_MAX, foldFacts } from '@chasqui/store'
import type { Keys, LogEntry, RedisClient, Senders, Suppressions, WebhookLog } from '@chasqui/store'
import { bodyOfEvent } from '@chasqui/whatsapp'

import { LET_GO, readBatch } from './lessons.ts'
import type { Batch, MatchedStatus, Unmatched } from './lessons.ts'
import type { StatusMetrics } from './metrics.ts'
import { pause } from '@chasqui/runtime'

export type FolderOptions = {
  readonly client: RedisClient
  readonly keys: Keys
  readonly log: WebhookLog
  readonly senders: Senders
  readonly suppressions: Suppressions
  readonly metrics: StatusMetrics
  /** Our name in callback data. */
  readonly environment: string
  /** Phone number id -> sender id. */
  readonly senderOf: ReadonlyMap<string, string>
  /** Ms since 1970. */
  readonly now: () => number
  readonly onTrouble: (error: unknown) => void
}

/** Entries a batch; an entry holds up to 200 bodies. */
const ENTRIES_A_BATCH = 100
const WAIT_MS = 500
const RETRY_MS = 200
/** Every so many batches somebody looks for entries that a dead consumer left. */
const TAKE_OVER_EVERY_MS = 2_000
/** Batches at a time: one is decoded while Redis folds the other. */
const LANES = 2
/** Meta's code for "stopped marketing messages from this business". */
const STOPPED_MARKETING = 131_050

/** Reads the log and folds what it says into the ledgers, again and again until Redis has it; then acknowledges. */
export class Folder {
  readonly #options: FolderOptions
  readonly #stop = new AbortController()
  #running: Promise<unknown> = Promise.resolve()
  #lookedForOrphans = 0

  constructor(options: FolderOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = Promise.all(Array.from({ length: LANES }, async () => await this.#lane()))
  }

  /** Ends after the batches that are being folded; what is not folded stays in the log. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #lane(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        const entries = await this.#next()
        if (entries.length > 0) await this.#foldUntilDone(entries)
      } catch (error) {
        this.#trouble(error)
        await pause(RETRY_MS, this.#stop.signal)
      }
    }
  }

  async #next(): Promise<LogEntry[]> {
    const { log, now } = this.#options
    if (now() - this.#lookedForOrphans > TAKE_OVER_EVERY_MS) {
      this.#lookedForOrphans = now()
      const orphans = await log.takeOver(ENTRIES_A_BATCH)
      if (orphans.length > 0) return orphans
    }
    return await log.read(ENTRIES_A_BATCH, WAIT_MS)
  }

  /** Folding again is harmless, so a batch that failed half-way is simply done again. */
  async #foldUntilDone(entries: readonly LogEntry[]): Promise<void> {
    const bodies = entries.flatMap((entry) => entry.bodies.map((body) => body.toString('utf8')))
    const batch = readBatch(bodies, this.#options.environment)
    for (;;) {
      try {
        const unmatched = await this.#fold(batch)
        await this.#options.log.bury(
          unmatched.flatMap(({ reason, body }) => (LET_GO.has(reason) || body === null ? [] : [{ reason, body }])),
        )
        await this.#options.log.acknowledge(entries.map(({ id }) => id))
        this.#count(batch, unmatched)
        return
      } catch (error) {
        this.#trouble(error)
        if (this.#stop.signal.aborted) return
        await pause(RETRY_MS, this.#stop.signal)
      }
    }
  }

  async #fold(batch: Batch): Promise<readonly Unmatched[]> {
    const byCampaign = Map.groupBy(batch.matched, ({ campaign }) => campaign)
    const [unmatched] = await Promise.all([
      Promise.all([...byCampaign].map(async ([campaign, statuses]) => await this.#foldCampaign(campaign, statuses))),
      this.#hearPreferences(batch),
      this.#noteFlow(batch),
    ])
    return [...batch.unmatched, ...unmatched.flat()]
  }

  async #foldCampaign(campaign: string, statuses: readonly MatchedStatus[]): Promise<Unmatched[]> {
    const { client, keys, metrics } = this.#options
    const lessons = mergeLessons(statuses.map(({ lesson }) => lesson))
    const nobody = new Set<number>()
    for (let from = 0; from < lessons.length; from += FOLD_LESSONS_MAX) {
      const reply = await foldFacts(client, keys, campaign, lessons.slice(from, from + FOLD_LESSONS_MAX))
      if (reply.kind === 'missing')
        return statuses.map(({ event }) => ({ reason: 'unknown_campaign', body: bodyOfEvent(event) }))
      for (const ordinal of reply.refused) nobody.add(ordinal)
      if (reply.late > 0) metrics.lateProofs.inc(reply.late)
    }
    if (nobody.size === 0) return []
    return statuses
      .filter(({ lesson }) => nobody.has(lesson.ordinal))
      .map(({ event }) => ({ reason: 'unknown_recipient', body: bodyOfEvent(event) }))
  }

  /** Opt-outs, by the person's own word or by Meta's answer to a send, hold for every later claim. */
  async #hearPreferences({ preferences, matched }: Batch): Promise<void> {
    const { suppressions, now } = this.#options
    for (const { value, waId, at } of preferences) {
      const number = numberOf(waId)
      if (number !== null && value !== 'other') await suppressions.hear(number, value, at ?? now())
    }
    for (const { event } of matched) {
      const number = event.errorCode === STOPPED_MARKETING ? numberOf(event.recipient) : null
      if (number !== null) await suppressions.hear(number, 'stop', event.at ?? now())
    }
  }

  /** Remember, per sender, how far webhooks have told: resending what is unknown waits for that. */
  async #noteFlow({ matched }: Batch): Promise<void> {
    const { senderOf, senders, now } = this.#options
    const latest = new Map<string, number>()
    for (const { event } of matched) {
      const sender = event.origin.phoneNumberId === null ? undefined : senderOf.get(event.origin.phoneNumberId)
      if (sender === undefined || event.at === null) continue
      latest.set(sender, Math.max(latest.get(sender) ?? 0, Math.min(event.at, now())))
    }
    await Promise.all([...latest].map(async ([sender, at]) => await senders.noteWebhook(sender, at)))
  }

  #count(batch: Batch, unmatched: readonly Unmatched[]): void {
    const { metrics, now } = this.#options
    for (const [status, events] of batch.seen) metrics.events.inc({ status }, events)
    for (const { reason } of unmatched) metrics.unmatched.inc({ reason })
    const foldedAt = now()
    for (const { event } of batch.matched)
      if (event.at !== null) metrics.lag.observe(Math.max(0, foldedAt - event.at) / 1_000)
  }

  #trouble(error: unknown): void {
    this.#options.metrics.troubles.inc()
    this.#options.onTrouble(error)
  }
}

/** A phone number as Meta writes it, digits alone. */
function numberOf(waId: string | null): number | null {
  return waId !== null && /^\d{7,15}$/.test(waId) ? Number(waId) : null
}
