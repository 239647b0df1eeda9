import { pause } from '@chasqui/runtime'
import { randomUUID } from 'node:crypto'

import type { Chunk } from '@chasqui/campaign'
import { callbackDataPrefix } from '@chasqui/delivery'
import type { AskedAt, Effect, Outcome, RedisClock } from '@chasqui/delivery'
import type { Visit, VisitResult } from '@chasqui/queue'
import { CHUNK_ROWS } from '@chasqui/store'
import type { ClaimMemory, ClaimReply, Ledger, NotedMessage } from '@chasqui/store'
import type { ComposeMessage, Endpoint } from '@chasqui/whatsapp'

import { UNPROVEN_WINDOW } from './campaign-proof.ts'
import type { CampaignProof } from './campaign-proof.ts'
import type { Capacity } from './capacity.ts'
import { ClaimedWindow } from './claimed-window.ts'
import type { Claimed, VisitedChunk } from './claimed-window.ts'
import type { Pacer } from './pacer.ts'
import type { RetryBudget } from './retry-budget.ts'
import type { SendEvents } from './sender.ts'
import type { Shares } from './shares.ts'
import type { Turns } from './turns.ts'

/** A campaign as a send-worker needs it, read once and kept. */
export type SendableCampaign = {
  readonly id: string
  /** Whose chunks it sends to: its own, or its parent's. */
  readonly source: string
  /** Last safe moment of hand-over, ms; `null`: none. */
  readonly notAfter: number | null
  /** How often a person is tried again whom 131049 refused; `undefined`: never. */
  readonly ecosystemLimitRetries?: number | undefined
  /** Its share of the sender, beside others. */
  readonly weight: number
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
  readonly pacer: Pick<Pacer, 'isOver' | 'missed'>
  readonly capacity: Pick<Capacity, 'giveBack' | 'answered'>
  readonly shares: Shares
  readonly turns: Turns
  readonly retries: RetryBudget
  readonly endpoint: Endpoint
  readonly campaign: (id: string) => Promise<SendableCampaign | null>
  readonly chunk: (source: string, chunk: number) => Promise<Chunk | null>
  /** Which of these numbers have opted out; asked after the claim, so no acknowledged opt-out is missed. */
  readonly suppressed: (numbers: readonly number[]) => Promise<readonly boolean[]>
  /** Whose message ids these are, for senders whose statuses are known by them; `null`: nobody will ask. */
  readonly noteMessages: ((campaign: string, messages: readonly NotedMessage[]) => Promise<void>) | null
  /** The endpoint says that this person opted out. */
  readonly optOut: (number: number) => Promise<void>
  /**
   * Told of every outcome, and of what follows from it for more than its recipient. `claimedAt`: ms by Redis.
   * `accessToken`: what the request was sent with.
   */
  readonly follow: (
    campaign: SendableCampaign,
    outcome: Outcome,
    effect: Effect,
    claimedAt: number,
    accessToken: string,
  ) => void
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

/** Recipients a claim, at most: so many share a round trip and an fsync, and little is unknown after a crash. */
const WINDOW = 250
/** The last claim comes this much before the campaign's bound: time to reach the socket, ms. */
export const MARGIN_MS = 1_000
/** When the sweeper looks after a chunk whose free recipients nobody claimed, ms. */
const AGAIN_MS = 60_000
/** The same where the campaign stood still: who resumed it meanwhile asked for a visit that was not over yet, and got none, ms. */
const RESUMED_MS = 2_000
const RETRY_MS = 200

/** Send to the recipients of one chunk, window after window, until none can be claimed now. */
export async function visitChunk(deps: VisitorDependencies, visit: Visit, signal: AbortSignal): Promise<VisitResult> {
  const campaign = await deps.campaign(visit.campaign)
  const stored = campaign === null ? null : await deps.chunk(campaign.source, visit.chunk)
  if (campaign === null || stored === null) return { kind: 'done' }
  deps.shares.enter(campaign.id, campaign.weight, deps.now())
  try {
    return await goThrough(deps, campaign, visitedChunk(deps, campaign.id, visit.chunk, stored), signal)
  } finally {
    deps.shares.leave(campaign.id, deps.now())
  }
}

async function goThrough(
  deps: VisitorDependencies,
  campaign: SendableCampaign,
  chunk: VisitedChunk,
  signal: AbortSignal,
): Promise<VisitResult> {
  for (;;) {
    const round = new Round(deps, campaign, chunk)
    const end = await round.run(signal)
    await round.ended()
    if (end === 'expired' || end === 'stopped') await deps.ledger.finishChunk(campaign.id, chunk.number, MARGIN_MS)
    const closed = await deps.ledger.closeVisit(campaign.id, chunk.number, end === 'stopped' ? RESUMED_MS : AGAIN_MS)
    deps.clock.observe(closed.now)
    // Nothing left; or the campaign stands still, and who resumes it asks for the visit again.
    if (closed.nextLook === null || end === 'stopped') return { kind: 'done' }
    // Told to stop: another worker goes on at once.
    if (end === 'aborted') return { kind: 'again', at: closed.now }
    // Others send to the rest of it: they come back to what they leave, and the sweeper to what they leave by dying.
    if (closed.free === 0 && closed.waiting === 0) return { kind: 'done' }
    // Some came back unsent; whoever brings the turns waits as long as the sender rests.
    if (closed.free === 0) return { kind: 'again', at: closed.nextLook }
    await pause(RETRY_MS, signal)
  }
}

type RoundEnd = 'through' | 'expired' | 'stopped' | 'aborted'

/** One pass over a chunk. */
class Round {
  readonly #deps: VisitorDependencies
  readonly #campaign: SendableCampaign
  readonly #chunk: VisitedChunk
  readonly #outstanding = new Set<Promise<void>>()

  constructor(deps: VisitorDependencies, campaign: SendableCampaign, chunk: VisitedChunk) {
    this.#deps = deps
    this.#campaign = campaign
    this.#chunk = chunk
  }

  async run(signal: AbortSignal): Promise<RoundEnd> {
    const { turns } = this.#deps
    let row = 0
    while (row < CHUNK_ROWS) {
      const window = this.#campaign.proof.proven ? WINDOW : UNPROVEN_WINDOW
      const slots = await turns.take(this.#campaign.id, Math.min(window, CHUNK_ROWS - row), signal)
      if (slots.length === 0) return 'aborted'
      const { reply, token, asked } = await this.#claim(row, slots.length)
      const rows = reply.kind === 'claimed' ? reply.rows : []
      turns.giveBack(this.#campaign.id, slots.slice(rows.length))
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
      chunk: this.#chunk.number,
      token,
      claimant: claims.claimant,
      remembered: claims.latest(this.#campaign.id),
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
        if (claims.hear(this.#campaign.id, token, request.remembered, reply))
          suspect('Redis has gone backwards: it has forgotten claims of this process')
        // Made on a connection that nobody has checked since it broke: the ledger behind it may be older than what was sent.
        if ((lost || this.#deps.forbidden()) && reply.kind === 'claimed') {
          const released = reply.rows.map(({ row }) => ({ row, move: { kind: 'released' } as const }))
          if (released.length > 0) await ledger.settle(this.#campaign.id, this.#chunk.number, token, released)
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

  #begin(claimed: Claimed): void {
    const work = new ClaimedWindow(this.#deps, this.#campaign, this.#chunk, claimed)
      .send()
      .finally(() => this.#outstanding.delete(work))
    this.#outstanding.add(work)
  }
}

function visitedChunk(
  { sender, environment }: VisitorDependencies,
  campaign: string,
  number: number,
  chunk: Chunk,
): VisitedChunk {
  return {
    number,
    to: chunk.to,
    columns: new Map(chunk.names.map((name, index) => [name, chunk.columns[index] ?? []])),
    callbackPrefix: sender.callbackData ? callbackDataPrefix(environment, campaign) : null,
  }
}
