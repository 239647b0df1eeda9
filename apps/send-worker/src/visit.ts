import { pause } from '@chasqui/runtime'
import { randomUUID } from 'node:crypto'

import type { Chunk } from '@chasqui/campaign'
import { callbackDataPrefix, decide, raiseFence } from '@chasqui/delivery'
import type { AskedAt, Effect, Outcome, RedisClock } from '@chasqui/delivery'
import type { Visit, VisitResult } from '@chasqui/queue'
import { CHUNK_ROWS } from '@chasqui/store'
import type { ClaimedRow, ClaimMemory, ClaimReply, Ledger } from '@chasqui/store'
import type { ComposeMessage, Endpoint } from '@chasqui/whatsapp'

import { UNPROVEN_WINDOW } from './campaign-proof.ts'
import type { CampaignProof } from './campaign-proof.ts'
import type { Capacity } from './capacity.ts'
import type { Pacer, Slot } from './pacer.ts'
import type { SendEvents } from './sender.ts'
import { ClaimSettler } from './settler.ts'

/** A campaign as a send-worker needs it, read once and kept. */
export type SendableCampaign = {
  readonly id: string
  /** Whose chunks it sends to: its own, or its parent's. */
  readonly source: string
  /** Last safe moment of hand-over, ms; `null`: none. */
  readonly notAfter: number | null
  readonly compose: ComposeMessage
  readonly proof: CampaignProof
}

export type VisitorDependencies = {
  readonly sender: {
    readonly id: string
    readonly phoneNumberId: string
    readonly callbackData: boolean
  }
  readonly environment: string
  readonly accessToken: () => string
  /** Longer than a request may take, so that no lease dies under a living request, ms. */
  readonly leaseMs: number
  readonly ledger: Ledger
  readonly clock: RedisClock
  readonly pacer: Pacer
  readonly capacity: Capacity
  readonly endpoint: Endpoint
  readonly campaign: (id: string) => Promise<SendableCampaign | null>
  readonly chunk: (source: string, chunk: number) => Promise<Chunk | null>
  /** Which of these numbers have opted out; asked after the claim, so no acknowledged opt-out is missed. */
  readonly suppressed: (numbers: readonly number[]) => Promise<readonly boolean[]>
  /** The endpoint says that this person opted out. */
  readonly optOut: (number: number) => Promise<void>
  /** Told of every outcome. */
  readonly hear: (campaign: string, outcome: Outcome) => Promise<void>
  /** What follows for more than one recipient. */
  readonly effect: (campaign: string, effect: Effect) => Promise<void>
  readonly events: SendEvents
  /** Nothing may be claimed now. */
  readonly forbidden: () => boolean
  readonly claims: ClaimMemory
  /** The ledger has gone backwards: from here on nothing may be claimed. */
  readonly suspect: (why: string) => void
  /** Monotonic ms. */
  readonly now: () => number
  readonly wall: () => number
  readonly random: () => number
}

/** Recipients a claim, at most: 50 to 100 share a round trip and an fsync, and little is unknown after a crash. */
const WINDOW = 250
/** The last claim comes this much before the campaign's bound: time to reach the socket, ms. */
export const MARGIN_MS = 1_000
/** When the sweeper looks after a chunk whose free recipients nobody claimed, ms. */
const AGAIN_MS = 60_000
const RETRY_MS = 200

/** Send to the recipients of one chunk, window after window, until none can be claimed now. */
export async function visitChunk(deps: VisitorDependencies, visit: Visit, signal: AbortSignal): Promise<VisitResult> {
  const campaign = await deps.campaign(visit.campaign)
  const chunk = campaign === null ? null : await deps.chunk(campaign.source, visit.chunk)
  if (campaign === null || chunk === null) return { kind: 'done' }

  for (;;) {
    const round = new Round(deps, campaign, chunk, visit.chunk)
    const end = await round.run(signal)
    await round.ended()
    if (end === 'expired' || end === 'stopped') await deps.ledger.finishChunk(campaign.id, visit.chunk, MARGIN_MS)
    const closed = await deps.ledger.closeVisit(campaign.id, visit.chunk, AGAIN_MS)
    deps.clock.observe(closed.now)
    // Nothing left; or the campaign stands still, and who resumes it asks for the visit again.
    if (closed.nextLook === null || end === 'stopped') return { kind: 'done' }
    // Told to stop: another worker goes on at once.
    if (end === 'aborted') return { kind: 'again', at: closed.now }
    // Some came back unsent; the pacer waits as long as the sender rests.
    if (closed.free === 0) return { kind: 'again', at: closed.nextLook }
    await pause(RETRY_MS, signal)
  }
}

/** A claim that was made, and its slots. */
type Claimed = {
  readonly token: string
  readonly rows: readonly ClaimedRow[]
  readonly slots: readonly Slot[]
  readonly asked: AskedAt
  /** Ms since 1970 by Redis. */
  readonly claimedAt: number
}

/** Never used: every claimed row has a slot. A message without one does not leave. */
const NO_SLOT: Slot = { at: 0, latest: 0 }

type RoundEnd = 'through' | 'expired' | 'stopped' | 'aborted'

/** One pass over a chunk. */
class Round {
  readonly #deps: VisitorDependencies
  readonly #campaign: SendableCampaign
  readonly #chunk: Chunk
  readonly #number: number
  readonly #columnOf: ReadonlyMap<string, readonly string[]>
  readonly #callbackPrefix: string
  readonly #outstanding = new Set<Promise<void>>()

  constructor(deps: VisitorDependencies, campaign: SendableCampaign, chunk: Chunk, number: number) {
    this.#deps = deps
    this.#campaign = campaign
    this.#chunk = chunk
    this.#number = number
    this.#columnOf = new Map(chunk.names.map((name, index) => [name, chunk.columns[index] ?? []]))
    this.#callbackPrefix = callbackDataPrefix(deps.environment, campaign.id)
  }

  async run(signal: AbortSignal): Promise<RoundEnd> {
    const { capacity, pacer } = this.#deps
    let row = 0
    while (row < CHUNK_ROWS) {
      const window = this.#campaign.proof.proven ? WINDOW : UNPROVEN_WINDOW
      const places = await capacity.take(Math.min(window, CHUNK_ROWS - row), signal)
      const slots = places === 0 ? [] : await this.#slots(places, signal)
      capacity.giveBack(places - slots.length, false)
      if (slots.length === 0) return 'aborted'
      const { reply, token, asked } = await this.#claim(row, slots.length)
      const rows = reply.kind === 'claimed' ? reply.rows : []
      pacer.giveBack(slots.slice(rows.length))
      capacity.giveBack(slots.length - rows.length, false)
      if (rows.length > 0) this.#begin({ token, rows, slots, asked, claimedAt: reply.now })
      // Until the first message is taken, learn from each window before the next.
      if (!this.#campaign.proof.proven) await this.ended()
      if (reply.kind === 'late' || reply.kind === 'backwards') continue
      if (reply.kind !== 'claimed') return reply.kind
      row = reply.nextRow
    }
    return 'through'
  }

  /** Every message begun has been answered and written down. */
  async ended(): Promise<void> {
    await Promise.all(this.#outstanding)
  }

  async #slots(places: number, signal: AbortSignal): Promise<Slot[]> {
    for (;;) {
      try {
        return await this.#deps.pacer.take(places, signal)
      } catch (error) {
        this.#deps.events.trouble('grant', error)
        await pause(RETRY_MS, signal)
        if (signal.aborted) return []
      }
    }
  }

  /**
   * A claim whose answer is lost may have been made. Asked again under the same token but too old to be made anew, it
   * tells: what was claimed is given back, for none of it was sent.
   */
  async #claim(fromRow: number, most: number): Promise<{ reply: ClaimReply; token: string; asked: AskedAt }> {
    const { ledger, clock, events, sender, claims, suspect, now, wall } = this.#deps
    const token = randomUUID()
    const asked = { now: now(), wall: wall() }
    const request = {
      campaign: this.#campaign.id,
      chunk: this.#number,
      token,
      claimant: claims.claimant,
      remembered: claims.remembered(this.#campaign.id),
      fromRow,
      most,
      leaseMs: this.#deps.leaseMs,
      marginMs: MARGIN_MS,
    }
    let bornAt = clock.now()
    for (let lost = false; ; lost = true) {
      try {
        const reply = await ledger.claim({ ...request, bornAt })
        clock.observe(reply.now)
        if (claims.hear(this.#campaign.id, request.remembered, reply))
          suspect('Redis has gone backwards: it has forgotten claims of this process')
        // Made on a connection that nobody has checked since it broke: the ledger behind it may be older than what was sent.
        if ((lost || this.#deps.forbidden()) && reply.kind === 'claimed') {
          const released = reply.rows.map(({ row }) => ({ row, move: { kind: 'released' } as const }))
          if (released.length > 0) await ledger.settle(this.#campaign.id, this.#number, token, released)
          return { reply: { kind: 'late', now: reply.now }, token, asked }
        }
        events.claimed(sender.id, reply.kind, reply.kind === 'claimed' ? reply.rows.length : 0)
        return { reply, token, asked }
      } catch (error) {
        events.trouble('claim', error)
        bornAt = 0
        await pause(RETRY_MS, new AbortController().signal)
      }
    }
  }

  #begin({ token, rows, slots, asked, claimedAt }: Claimed): void {
    const { ledger, clock, events, sender } = this.#deps
    const fence = raiseFence(this.#deps, asked, claimedAt, this.#campaign.notAfter)
    const settler = new ClaimSettler({
      ledger,
      campaign: this.#campaign.id,
      chunk: this.#number,
      token,
      rows: rows.length,
      onSettled: (reply) => {
        clock.observe(reply.now)
        events.settled(sender.id, reply.settled, reply.stale)
        if (reply.completed) events.completed(this.#campaign.id)
      },
      onTrouble: (error) => events.trouble('settle', error),
    })
    const work = this.#sendAll(rows, slots, fence, settler).finally(() => this.#outstanding.delete(work))
    this.#outstanding.add(work)
  }

  async #sendAll(
    rows: readonly ClaimedRow[],
    slots: readonly Slot[],
    fence: () => string | null,
    settler: ClaimSettler,
  ): Promise<void> {
    const optedOut = await this.#optedOut(rows)
    await Promise.all(
      rows.map(
        async (claimed, index) =>
          await this.#sendOne(claimed, slots[index] ?? NO_SLOT, optedOut[index], fence, settler),
      ),
    )
    await settler.written()
  }

  /** `null` when nobody could say: then nothing of the window is sent. */
  async #optedOut(rows: readonly ClaimedRow[]): Promise<readonly (boolean | null)[]> {
    try {
      return await this.#deps.suppressed(rows.map(({ row }) => this.#chunk.to[row] ?? 0))
    } catch (error) {
      this.#deps.events.trouble('suppressions', error)
      return rows.map(() => null)
    }
  }

  async #sendOne(
    { row, attempt }: ClaimedRow,
    slot: Slot,
    optedOut: boolean | null | undefined,
    fence: () => string | null,
    settler: ClaimSettler,
  ): Promise<void> {
    const { capacity, now } = this.#deps
    if (optedOut !== false) {
      settler.add({ row, move: optedOut === true ? { kind: 'suppressed', code: 0 } : { kind: 'released' } })
      capacity.giveBack(1, false)
      return
    }
    const early = slot.at - now()
    if (early > 0.5) await new Promise((resolve) => setTimeout(resolve, early))
    const begun = now()
    const outcome = await this.#post(
      row,
      attempt,
      // The kill switch, or a Redis that is not trusted any more, holds for what is claimed and not yet written, too.
      () =>
        this.#deps.forbidden() ? 'forbidden' : (fence() ?? (this.#deps.pacer.missed(slot) ? 'slot_missed' : null)),
    )
    this.#conclude(row, attempt, outcome, (now() - begun) / 1_000, settler)
    capacity.giveBack(1, true)
  }

  #post(row: number, attempt: number, fence: () => string | null): Promise<Outcome> {
    const { endpoint, sender, accessToken } = this.#deps
    const ordinal = this.#number * CHUNK_ROWS + row
    const body = this.#campaign.compose({
      to: this.#chunk.to[row] ?? 0,
      valueOf: (column) => this.#columnOf.get(column)?.[row] ?? '',
      callbackData: sender.callbackData ? `${this.#callbackPrefix}${ordinal.toString(36)}.${attempt}` : null,
    })
    return endpoint.send({ phoneNumberId: sender.phoneNumberId, accessToken: accessToken(), body, fence })
  }

  #conclude(row: number, attempt: number, outcome: Outcome, seconds: number, settler: ClaimSettler): void {
    const { clock, random, events, sender, effect } = this.#deps
    const decision = decide(outcome, { attempt, now: clock.now(), notAfter: this.#campaign.notAfter, random: random() })
    events.sent(sender.id, outcome, decision.move, seconds)
    settler.add({ row, move: decision.move })
    const trouble = (error: unknown): void => events.trouble('effect', error)
    if (decision.move.kind === 'suppressed') this.#deps.optOut(this.#chunk.to[row] ?? 0).catch(trouble)
    this.#deps.hear(this.#campaign.id, outcome).catch(trouble)
    if (decision.effect.kind !== 'none') {
      effect(this.#campaign.id, decision.effect).catch(trouble)
    }
  }
}
