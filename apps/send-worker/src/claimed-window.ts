import type { Chunk } from '@chasqui/campaign'
import { decide, raiseFence } from '@chasqui/delivery'
import type { AskedAt, Outcome, Slot } from '@chasqui/delivery'
import { CHUNK_ROWS } from '@chasqui/store'
import type { ClaimedRow, NotedMessage, SettledRow } from '@chasqui/store'
import type { Posting } from '@chasqui/whatsapp'

import { ClaimSettler } from './settler.ts'
import type { SendableCampaign, VisitorDependencies } from './visit.ts'

/** A claim that was made, and its slots. */
export type Claimed = {
  readonly token: string
  readonly rows: readonly ClaimedRow[]
  /** One a row, at least. */
  readonly slots: readonly Slot[]
  readonly asked: AskedAt
  /** Ms since 1970 by Redis. */
  readonly claimedAt: number
}

/** The chunk that is visited, with its columns by name. */
export type VisitedChunk = {
  readonly number: number
  readonly to: Chunk['to']
  readonly columns: ReadonlyMap<string, readonly string[]>
  /** Callback data of its messages begin with it; `null`: they carry none. */
  readonly callbackPrefix: string | null
}

/** Never used: every claimed row has a slot. A message without one does not leave. */
const NO_SLOT: Slot = { at: 0, latest: 0, latestByWall: 0 }
/** A slot this near is now: a timer is not exact to less, ms. */
const NOW_MS = 0.5

/** The recipients of one claim on their way: each is posted at its slot, and what became of it is written down. */
export class ClaimedWindow {
  readonly deps: VisitorDependencies
  readonly campaign: SendableCampaign
  readonly chunk: VisitedChunk
  readonly fence: () => string | null
  readonly #claimed: Claimed
  readonly #settler: ClaimSettler
  /** Accepted messages by row; only of senders whose statuses are known by the message's id. */
  readonly #accepted = new Map<number, NotedMessage>()
  readonly #answered = Promise.withResolvers<void>()
  #open: number

  constructor(deps: VisitorDependencies, campaign: SendableCampaign, chunk: VisitedChunk, claimed: Claimed) {
    const { ledger, clock, events, sender } = deps
    this.deps = deps
    this.campaign = campaign
    this.chunk = chunk
    this.fence = raiseFence(deps, claimed.asked, claimed.claimedAt, campaign.notAfter)
    this.#claimed = claimed
    this.#open = claimed.rows.length
    this.#settler = new ClaimSettler({
      ledger,
      campaign: campaign.id,
      chunk: chunk.number,
      token: claimed.token,
      rows: claimed.rows.length,
      ...(deps.noteMessages === null ? {} : { before: async (rows) => await this.#note(rows) }),
      onSettled: (reply) => {
        clock.observe(reply.now)
        events.settled(sender.id, reply.settled, reply.stale)
        if (reply.completed) events.completed(campaign.id)
      },
      onTrouble: (error) => events.trouble('settle', error),
    })
  }

  /** Resolves when every message was answered, or not sent, and all of it is written down. */
  async send(): Promise<void> {
    const optedOut = await this.#optedOut()
    for (const [index, claimed] of this.#claimed.rows.entries()) {
      if (optedOut[index] === false) this.#start(new Message(this, claimed, this.#claimed.slots[index] ?? NO_SLOT))
      else this.#holdBack(claimed.row, optedOut[index] === true)
    }
    await this.#answered.promise
    await this.#settler.written()
  }

  /** The campaign was held since this was claimed. */
  isOutdated(): boolean {
    return this.campaign.proof.isOutdated(this.#claimed.claimedAt)
  }

  /** What became of a message that was handed to the HTTP client at `begun`, monotonic ms, under this token. */
  conclude(row: number, attempt: number, outcome: Outcome, begun: number, accessToken: string): void {
    // Read once: at this rate each look at a clock is felt.
    const answered = this.deps.now()
    const { clock, random, events, sender, capacity, retries, follow, optOut } = this.deps
    const { notAfter, ecosystemLimitRetries } = this.campaign
    const at = { attempt, now: clock.at(answered), notAfter, random: random(), ecosystemLimitRetries }
    const { move: wished, effect } = decide(outcome, at)
    retries.note(at.now)
    // Pushed past the last safe moment they expire: nobody refused these people.
    const move = wished.kind === 'retry' ? { ...wished, due: wished.due + retries.delay(at.now) } : wished
    events.sent(sender.id, outcome, move, (answered - begun) / 1_000)
    if (outcome.kind === 'accepted' && this.deps.noteMessages !== null)
      this.#accepted.set(row, {
        messageId: outcome.messageId,
        ordinal: this.chunk.number * CHUNK_ROWS + row,
        attempt,
      })
    this.#settler.add({ row, move })
    if (move.kind === 'suppressed')
      optOut(this.chunk.to[row] ?? 0).catch((error: unknown) => events.trouble('effect', error))
    follow(this.campaign, outcome, effect, this.#claimed.claimedAt, accessToken)
    capacity.answered(answered)
    this.#close()
  }

  /** Before an acceptance is settled, so that no accepted message has an id that leads to nobody. */
  async #note(rows: readonly SettledRow[]): Promise<void> {
    const messages = rows.flatMap(({ row }) => this.#accepted.get(row) ?? [])
    if (messages.length > 0) await this.deps.noteMessages?.(this.campaign.id, messages)
  }

  /** `null` when nobody could say: then nothing of the window is sent. */
  async #optedOut(): Promise<readonly (boolean | null)[]> {
    const { rows } = this.#claimed
    try {
      return await this.deps.suppressed(rows.map(({ row }) => this.chunk.to[row] ?? 0))
    } catch (error) {
      this.deps.events.trouble('suppressions', error)
      return rows.map(() => null)
    }
  }

  #start(message: Message): void {
    const early = message.slot.at - this.deps.now()
    if (early > NOW_MS) setTimeout(() => message.post(), early)
    else message.post()
  }

  #holdBack(row: number, optedOut: boolean): void {
    this.#settler.add({ row, move: optedOut ? { kind: 'suppressed', code: 0 } : { kind: 'released' } })
    this.deps.capacity.giveBack(1, false)
    this.#close()
  }

  #close(): void {
    this.#open -= 1
    if (this.#open === 0) this.#answered.resolve()
  }
}

/** One claimed recipient's message. An object of callbacks, for at this rate promises and closures would be felt. */
class Message implements Posting {
  readonly slot: Slot
  readonly #window: ClaimedWindow
  readonly #row: number
  readonly #attempt: number
  #begun = 0
  /** The one it was handed over with: the sender's may have been renewed since. */
  accessToken = ''

  constructor(window: ClaimedWindow, { row, attempt }: ClaimedRow, slot: Slot) {
    this.slot = slot
    this.#window = window
    this.#row = row
    this.#attempt = attempt
  }

  get phoneNumberId(): string {
    return this.#window.deps.sender.phoneNumberId
  }

  post(): void {
    this.#window.deps.endpoint.post(this)
  }

  hopeless(): string | null {
    return this.#keptBack() ?? (this.#window.deps.pacer.isOver(this.slot) ? 'slot_missed' : null)
  }

  fence(): string | null {
    return this.#keptBack() ?? (this.#window.deps.pacer.missed(this.slot) ? 'slot_missed' : null)
  }

  ended(outcome: Outcome): void {
    this.#window.conclude(this.#row, this.#attempt, outcome, this.#begun, this.accessToken)
  }

  compose(): string {
    const { campaign, chunk, deps } = this.#window
    this.#begun = deps.now()
    this.accessToken = deps.accessToken()
    const row = this.#row
    const ordinal = chunk.number * CHUNK_ROWS + row
    return campaign.compose({
      to: chunk.to[row] ?? 0,
      valueOf: (column) => chunk.columns.get(column)?.[row] ?? '',
      callbackData:
        chunk.callbackPrefix === null ? null : `${chunk.callbackPrefix}${ordinal.toString(36)}.${this.#attempt}`,
    })
  }

  /** The kill switch, or a Redis that is not trusted any more, holds for what is claimed and not yet written, too. */
  #keptBack(): string | null {
    const { deps, fence } = this.#window
    if (deps.forbidden()) return 'forbidden'
    if (this.#window.isOutdated()) return 'campaign_held'
    return fence()
  }
}
