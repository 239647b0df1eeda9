import { randomUUID } from 'node:crypto'

import type { Effect, ErrorScope, Outcome, RedisClock } from '@chasqui/delivery'
import { compileMessage, Endpoint } from '@chasqui/whatsapp'
import { SendQueue, Visitor } from '@chasqui/queue'
import { PAUSED } from '@chasqui/store'
import type {
  AliveCampaigns,
  Campaigns,
  Chunks,
  ClaimMemory,
  Ledger,
  MessageIds,
  NotedMessage,
  Refusals,
  RedisClient,
  Senders,
  Suppressions,
} from '@chasqui/store'

import { CampaignProof } from './campaign-proof.ts'
import type { Capacity } from './capacity.ts'
import type { ConfiguredSender } from './config.ts'
import { Effects } from './effects.ts'
import { ExtraVisits } from './extra-visits.ts'
import { Pacer } from './pacer.ts'
import { RefusalWatch } from './refusal-watch.ts'
import { RetryBudget } from './retry-budget.ts'
import type { SendEvents } from './sender.ts'
import { Shares, WEIGHTS } from './shares.ts'
import { Turns } from './turns.ts'
import { visitChunk } from './visit.ts'
import type { SendableCampaign } from './visit.ts'

/** What all senders of one process share. */
export type Shared = {
  readonly queueConnection: RedisClient
  readonly prefix: string
  readonly ledger: Ledger
  readonly senders: Senders
  readonly campaigns: Campaigns
  readonly alive: AliveCampaigns
  readonly chunks: Chunks
  readonly suppressions: Suppressions
  readonly messageIds: MessageIds
  readonly refusals: Refusals
  readonly clock: RedisClock
  readonly capacity: Capacity
  readonly concurrency: number
  readonly requestTimeoutMs: number
  readonly leaseMs: number
  readonly events: SendEvents
  /** Nothing may be claimed now. */
  readonly forbidden: () => boolean
  readonly claims: ClaimMemory
  readonly suspect: (why: string) => void
  readonly onLimit: (sender: string, messagesPerSecond: number) => void
  readonly onBlocked: (sender: string, code: number, until: number) => void
  readonly onRest: (sender: string, reason: string, forMs: number) => void
  readonly onRested: (sender: string) => void
  readonly onHeld: (campaign: string, reason: string) => void
  readonly onError: (error: Error) => void
}

/** Chunks visited at a time: enough that one's end and the next one's beginning overlap. */
const VISITS = 8
/** A campaign's template does not change after launch; this many are kept compiled. */
const CAMPAIGNS_KEPT = 200

/** One sender at work in this process: its queue, its pace, its endpoint. */
export class SendingSender {
  readonly id: string
  readonly queue: SendQueue
  readonly #visitor: Visitor
  readonly #endpoint: Endpoint
  readonly #effects: Effects
  readonly #readings = new Map<string, Promise<SendableCampaign | null>>()
  readonly #shared: Shared
  readonly #shares = new Shares()
  readonly #extras: ExtraVisits
  #sender: ConfiguredSender

  /** @param kin the ids of all senders that news of a scope about this one is about. */
  constructor(
    sender: ConfiguredSender,
    shared: Shared,
    kin: (sender: ConfiguredSender, scope: ErrorScope) => readonly string[],
  ) {
    this.id = sender.id
    this.#shared = shared
    this.#sender = sender
    const now = (): number => performance.now()
    this.queue = new SendQueue(shared.queueConnection, shared.prefix, sender.id)
    this.#endpoint = new Endpoint({
      baseUrl: sender.endpointUrl,
      connections: shared.concurrency,
      requestTimeoutMs: shared.requestTimeoutMs,
    })
    this.#effects = new Effects({
      senders: shared.senders,
      sender: sender.id,
      concerned: (scope) => kin(this.#sender, scope),
      holdCampaign: async (campaign, reason, until) => {
        if (await shared.alive.hold(campaign, reason, until)) shared.onHeld(campaign, reason)
      },
      now: () => shared.clock.now(),
      random: Math.random,
      onBlocked: shared.onBlocked,
      onRest: shared.onRest,
      onRested: shared.onRested,
    })
    const pacer = new Pacer({
      senders: {
        grantSlots: async (ask) =>
          await shared.senders.grantSlots({ ...ask, maxMessagesPerSecond: this.#sender.maxMessagesPerSecond }),
      },
      sender: sender.id,
      messagesPerSecond: () => this.#sender.messagesPerSecond,
      forbidden: shared.forbidden,
      now,
      wall: Date.now,
      onReply: (reply) => {
        shared.clock.observe(reply.now)
        if (reply.kind === 'slots') shared.onLimit(sender.id, reply.limit)
      },
    })
    const effects = this.#effects
    const trouble = (error: unknown): void => shared.events.trouble('effect', error)
    const refusals = new RefusalWatch({
      refusals: shared.refusals,
      teller: randomUUID(),
      onHeld: shared.onHeld,
      onTrouble: trouble,
    })
    const dependencies = {
      sender: {
        id: sender.id,
        phoneNumberId: sender.phoneNumberId,
        callbackData: sender.correlation === 'callback_data',
      },
      environment: shared.prefix,
      accessToken: () => this.#sender.accessToken,
      leaseMs: shared.leaseMs,
      ledger: shared.ledger,
      clock: shared.clock,
      pacer,
      capacity: shared.capacity,
      shares: this.#shares,
      turns: new Turns({
        capacity: shared.capacity,
        pacer,
        shares: this.#shares,
        now,
        onTrouble: (error) => shared.events.trouble('grant', error),
      }),
      retries: new RetryBudget(shared.clock.now()),
      endpoint: this.#endpoint,
      campaign: async (id: string) => await this.#campaign(id),
      chunk: async (source: string, chunk: number) => await shared.chunks.read(source, chunk),
      suppressed: async (numbers: readonly number[]) => await shared.suppressions.areSuppressed(numbers),
      noteMessages:
        sender.correlation === 'message_id'
          ? async (campaign: string, messages: readonly NotedMessage[]) =>
              await shared.messageIds.note(sender.id, campaign, messages)
          : null,
      optOut: async (number: number) => void (await shared.suppressions.hear(number, 'stop', shared.clock.now())),
      follow: (
        campaign: SendableCampaign,
        outcome: Outcome,
        effect: Effect,
        claimedAt: number,
        accessToken: string,
      ): void => {
        refusals.hear(campaign, outcome, claimedAt)
        effects.hear(campaign.id, outcome)?.catch(trouble)
        if (effect.kind === 'none' || this.#isAboutOldToken(effect, accessToken)) return
        effects.carryOut(campaign.id, effect).catch(trouble)
      },
      events: shared.events,
      forbidden: shared.forbidden,
      claims: shared.claims,
      suspect: shared.suspect,
      now,
      wall: Date.now,
      random: Math.random,
    }
    this.#visitor = new Visitor({
      connection: shared.queueConnection,
      prefix: shared.prefix,
      senderId: sender.id,
      concurrency: VISITS,
      visit: async (visit, signal) => await visitChunk(dependencies, visit, signal),
      onError: shared.onError,
    })
    this.#extras = new ExtraVisits({
      visits: (campaign) => this.#shares.visits(campaign),
      freePlace: async (campaign) => await shared.ledger.freePlace(campaign),
      visit: async (visit, signal) => await visitChunk(dependencies, visit, signal),
      onTrouble: (error) => shared.events.trouble('extra_visit', error),
    })
  }

  start(): void {
    this.#visitor.start()
  }

  /** These campaigns of the sender run now: each is to have a visit in this process. */
  accompany(campaigns: readonly string[]): void {
    this.#extras.look(campaigns)
  }

  /** The limit or the token has changed; a new token lifts the blocks that the old one caused. */
  async update(sender: ConfiguredSender): Promise<void> {
    const renewed = sender.accessToken !== this.#sender.accessToken
    this.#sender = sender
    if (!renewed) return
    const blocks = await this.#shared.senders.blocks(this.id, this.#shared.clock.now())
    for (const [reason, { detail }] of blocks)
      if (reason !== PAUSED && detail === 'token') await this.#shared.senders.unblock(this.id, reason)
  }

  /** Answers to requests sent with a token that was renewed since: they say nothing of the one in use. */
  #isAboutOldToken(effect: Effect, accessToken: string): boolean {
    return effect.kind === 'block_sender' && effect.scope === 'token' && accessToken !== this.#sender.accessToken
  }

  /**
   * Claims nothing more, lets written requests end and be settled, and closes. Requests that have not ended after
   * `patienceMs` are cut off and become unknown by our own word, not by a lease that dies.
   */
  async stop(patienceMs: number): Promise<void> {
    const cut = setTimeout(() => void this.#endpoint.destroy(), patienceMs)
    await Promise.all([this.#visitor.stop(), this.#extras.stop()])
    clearTimeout(cut)
    await this.queue.close()
    await this.#endpoint.close()
  }

  /** Visits that begin together must share one proof, so what is kept is the reading itself. */
  async #campaign(id: string): Promise<SendableCampaign | null> {
    const reading = this.#readings.get(id) ?? this.#read(id)
    this.#readings.set(id, reading)
    const [oldest] = this.#readings.keys()
    if (this.#readings.size > CAMPAIGNS_KEPT && oldest !== undefined) this.#readings.delete(oldest)
    const campaign = await reading
    // A campaign that is missing, or could not be read, is asked for again the next time.
    if (campaign === null) this.#readings.delete(id)
    return campaign
  }

  async #read(id: string): Promise<SendableCampaign | null> {
    try {
      const campaign = await this.#shared.campaigns.read(id)
      if (campaign === null) return null
      const { spec, source, notAfter } = campaign
      // Before any of it is claimed: nobody could tell afterwards which of its lost answers a status can speak of.
      if (this.#sender.correlation !== 'callback_data' && spec.onUnknown === 'resend')
        await this.#shared.ledger.markUntraced(id)
      const { ecosystemLimitRetries } = spec
      const weight = WEIGHTS[spec.priority]
      const compose = compileMessage(spec)
      return { id, source, notAfter, ecosystemLimitRetries, weight, compose, proof: new CampaignProof() }
    } catch (error) {
      this.#readings.delete(id)
      throw error
    }
  }
}
