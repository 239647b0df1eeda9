import { codeLabel, mergeLessons } from '@chasqui/delivery'
import type { Way } from '@chasqui/delivery'
import { pause } from '@chasqui/runtime'
import { FOLD_LESSONS_MAX, foldFacts, isStoreFailure } from '@chasqui/store'
import type {
  DeadLetters,
  FailureNotes,
  FoldReply,
  Keys,
  LogEntry,
  RedisClient,
  Senders,
  WebhookLog,
} from '@chasqui/store'
import { bodyOfEvent } from '@chasqui/whatsapp'
import type { EndpointErrorEvent } from '@chasqui/whatsapp'

import type { RecipientCountries } from './countries.ts'
import type { Deeds } from './deeds.ts'
import { LET_GO, readBatch } from './lessons.ts'
import type { Batch, MatchedStatus, Reading, Taken, Unmatched } from './lessons.ts'
import type { StatusMetrics } from './metrics.ts'
import type { Nameless, Placed } from './nameless.ts'

export type FolderOptions = {
  readonly client: RedisClient
  readonly keys: Keys
  readonly log: WebhookLog
  readonly letters: DeadLetters
  readonly senders: Senders
  readonly deeds: Deeds
  readonly countries: RecipientCountries
  readonly failures: FailureNotes
  readonly nameless: Pick<Nameless, 'place'>
  readonly metrics: StatusMetrics
  readonly reading: Reading
  /** Phone number id -> sender id. */
  readonly senderOf: ReadonlyMap<string, string>
  /** Ms since 1970. */
  readonly now: () => number
  /** An error of a sender's number or account, told by itself. */
  readonly onAccountError: (sender: string, code: number) => void
  readonly onTrouble: (error: unknown) => void
}

/** Bodies folded together hold so many bytes, give or take an entry: one has 600 bytes or 3 MB. */
const BATCH_BYTES = 4 * 1024 * 1024
/** Fetched at once, by number and by what they take in Redis; an entry has up to half a MB, or one body of up to 4. */
const ENTRIES_MAX = 32
const FETCH_BYTES = 2 * 1024 * 1024
const WAIT_MS = 500
/** While less than a full batch comes at a time, so long is waited for more: a fold of many costs little more than one of a few. */
const GATHER_MS = 20
const RETRY_MS = 200
/** Every so often somebody looks for entries that a dead consumer left. */
const TAKE_OVER_EVERY_MS = 2_000
/** Batches at a time: one is decoded while Redis folds the other. */
const LANES = 3
/** A batch that failed so often, with Redis in good health, holds something we cannot deal with. */
const DEFECTS_MAX = 3

/** Reads the log and folds what it says into the ledgers, again and again until Redis has it; then acknowledges. */
export class Folder {
  readonly #options: FolderOptions
  readonly #stop = new AbortController()
  #running: Promise<unknown> = Promise.resolve()
  #lookedForOrphans = 0
  #entriesABatch = 1
  #readFrom = 0
  #lastRead: Promise<unknown> = Promise.resolve()
  #open = false

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
        // The group may be gone with a Redis that was emptied; opening the log again is harmless.
        this.#open = false
        this.#trouble(error)
        await pause(RETRY_MS, this.#stop.signal)
      }
    }
  }

  async #next(): Promise<LogEntry[]> {
    const { log, now } = this.#options
    if (!this.#open) {
      await log.open()
      this.#open = true
    }
    if (now() - this.#lookedForOrphans > TAKE_OVER_EVERY_MS) {
      this.#lookedForOrphans = now()
      const orphans = await log.takeOver(this.#entriesABatch)
      if (orphans.length > 0) {
        this.#lookedForOrphans = 0
        return orphans
      }
    }
    const read = this.#lastRead.then(async () => await this.#read())
    this.#lastRead = read.catch(() => {})
    return await read
  }

  /** One lane at a time: two would share what one can take. */
  async #read(): Promise<LogEntry[]> {
    const { log } = this.#options
    const gathering = this.#readFrom - performance.now()
    if (gathering > 0) await pause(gathering, this.#stop.signal)
    if (this.#stop.signal.aborted) return []
    const most = this.#entriesABatch
    const entries = await log.read(most, WAIT_MS)
    this.#readFrom = entries.length < most ? performance.now() + GATHER_MS : 0
    if (entries.length > 0) this.#entriesABatch = entriesABatch(entries)
    return entries
  }

  /** Folding again is harmless, so a batch that failed half-way is simply done again. */
  async #foldUntilDone(entries: readonly LogEntry[]): Promise<void> {
    for (const { ids, bodies } of batchesOf(entries)) {
      let outcome = await this.#attempt(bodies)
      if (outcome === 'defect') outcome = await this.#foldOneByOne(bodies)
      if (outcome === 'stopped') return
      await this.#options.log.acknowledge(ids)
    }
  }

  /** One body of these is more than we can deal with: it is put aside, and the others are counted all the same. */
  async #foldOneByOne(bodies: readonly Taken[]): Promise<'folded' | 'stopped'> {
    for (const body of bodies) {
      const outcome = await this.#attempt([body])
      if (outcome === 'stopped') return 'stopped'
      if (outcome === 'folded') continue
      const unfoldable: Unmatched = { reason: 'unfoldable', body: body.text }
      await this.#bury([unfoldable])
      this.#options.metrics.unmatched.inc({ reason: unfoldable.reason })
    }
    return 'folded'
  }

  /** Returns `defect` when it is not Redis that stands in the way, `stopped` when this process has no more time for it. */
  async #attempt(bodies: readonly Taken[]): Promise<'folded' | 'defect' | 'stopped'> {
    for (let defects = 0; ;) {
      try {
        const batch = readBatch(bodies, this.#options.reading)
        const placed = await this.#options.nameless.place(batch.nameless)
        const unmatched = await this.#fold(batch, placed)
        await this.#bury(unmatched)
        this.#count(batch, placed, unmatched)
        return 'folded'
      } catch (error) {
        this.#trouble(error)
        if (!isStoreFailure(error) && ++defects === DEFECTS_MAX) return 'defect'
        if (this.#stop.signal.aborted) return 'stopped'
        await pause(RETRY_MS, this.#stop.signal)
      }
    }
  }

  async #fold(batch: Batch, placed: Placed): Promise<readonly Unmatched[]> {
    const [unmatched] = await Promise.all([
      Promise.all([
        ...[...batch.matched].map(async ([campaign, statuses]) => await this.foldCampaign(campaign, statuses)),
        ...[...placed.matched].map(async ([id, statuses]) => await this.foldCampaign(id, statuses, 'message_id')),
      ]),
      this.#options.deeds.carryOut(batch),
    ])
    // After the facts: whoever hears that webhooks flow finds what they said.
    await this.#noteFlow(batch)
    return [...batch.unmatched, ...placed.unmatched, ...unmatched.flat()]
  }

  /** Fold statuses of one campaign. @returns those that lead to nobody. */
  async foldCampaign(campaign: string, statuses: readonly MatchedStatus[], way?: Way): Promise<Unmatched[]> {
    const { client, keys, metrics, countries, failures } = this.#options
    const lessons = await countries.complete(campaign, mergeLessons(statuses.map(({ lesson }) => lesson)))
    // All of them on the wire at once: Redis syncs its disk once for many.
    const replies: Promise<FoldReply>[] = []
    for (let from = 0; from < lessons.length; from += FOLD_LESSONS_MAX)
      replies.push(foldFacts(client, keys, campaign, lessons.slice(from, from + FOLD_LESSONS_MAX), way))
    const nobody = new Set<number>()
    for (const reply of await Promise.all(replies)) {
      if (reply.kind === 'missing')
        return statuses.map(({ event }) => ({ reason: 'unknown_campaign', body: bodyOfEvent(event) }))
      for (const ordinal of reply.refused) nobody.add(ordinal)
      if (reply.late > 0) metrics.lateProofs.inc(reply.late)
      for (const [code, recipients] of reply.failed) {
        failures.add(reply.sender, 'failed', code, recipients)
        metrics.failed.inc({ sender: reply.sender, code: codeLabel(code) }, recipients)
      }
    }
    if (nobody.size === 0) return []
    return statuses
      .filter(({ lesson }) => nobody.has(lesson.ordinal))
      .map(({ event }) => ({ reason: 'unknown_recipient', body: bodyOfEvent(event) }))
  }

  /** Remember, per sender, how far webhooks have told: resending what is unknown waits for that. */
  async #noteFlow({ flow }: Batch): Promise<void> {
    const { senderOf, senders, now } = this.#options
    await Promise.all(
      [...flow].map(async ([phoneNumberId, at]) => {
        const sender = senderOf.get(phoneNumberId)
        if (sender !== undefined) await senders.noteWebhook(sender, Math.min(at, now()))
      }),
    )
  }

  /** Put aside what leads to nobody. */
  async putAside(unmatched: readonly Unmatched[]): Promise<void> {
    await this.#bury(unmatched)
    for (const { reason } of unmatched) this.#options.metrics.unmatched.inc({ reason })
  }

  async #bury(unmatched: readonly Unmatched[]): Promise<void> {
    const { letters, metrics, now } = this.#options
    const dead = unmatched.flatMap(({ reason, body }) =>
      LET_GO.has(reason) || body === null ? [] : [{ reason, body }],
    )
    if (dead.length > 0) metrics.deadLettersForgotten.inc(await letters.bury(dead, now()))
  }

  #count({ seen, matched, accountErrors }: Batch, placed: Placed, unmatched: readonly Unmatched[]): void {
    const { metrics, now } = this.#options
    for (const [status, events] of seen) metrics.events.inc({ status }, events)
    for (const { reason } of unmatched) metrics.unmatched.inc({ reason })
    for (const error of accountErrors) this.#noteAccountError(error)
    const foldedAt = now()
    for (const statuses of [...matched.values(), ...placed.matched.values()])
      for (const { event } of statuses)
        if (event.at !== null) metrics.lag.observe(Math.max(0, foldedAt - event.at) / 1_000)
  }

  /**
   * Counted and said, and nothing more: it names no moment and may be days old, and whatever still holds is what the next send
   * is answered with, from which the send-worker draws the consequence.
   */
  #noteAccountError({ origin: { phoneNumberId }, code }: EndpointErrorEvent): void {
    const { senderOf, metrics, onAccountError } = this.#options
    const sender = senderOf.get(phoneNumberId ?? '')
    metrics.accountErrors.inc({ sender: sender ?? 'other', code: codeLabel(code) })
    if (sender !== undefined) onAccountError(sender, code)
  }

  #trouble(error: unknown): void {
    this.#options.metrics.troubles.inc()
    this.#options.onTrouble(error)
  }
}

/** How many entries are fetched at once, if the next are like these. */
function entriesABatch(entries: readonly LogEntry[]): number {
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
  return Math.max(1, Math.min(ENTRIES_MAX, Math.floor((FETCH_BYTES * entries.length) / Math.max(1, bytes))))
}

/** Entries unpacked, as many together as fit into {@link BATCH_BYTES}; the next are unpacked when these are folded. */
function* batchesOf(entries: readonly LogEntry[]): Generator<{ readonly ids: string[]; readonly bodies: Taken[] }> {
  let ids: string[] = []
  let bodies: Taken[] = []
  let bytes = 0
  for (const { id, at, unpack } of entries) {
    for (const body of unpack()) {
      bodies.push({ text: body.toString('utf8'), at })
      bytes += body.length
    }
    ids.push(id)
    if (bytes < BATCH_BYTES) continue
    yield { ids, bodies }
    ids = []
    bodies = []
    bytes = 0
  }
  if (ids.length > 0) yield { ids, bodies }
}
