import type { RateWords, ToldGrant } from '@chasqui/delivery'

import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const GRANT = loadScript('grant-slots')
const SLOW = loadScript('slow-sender')
const LEARN = loadScript('learn-rate')
const NOTE_LATEST = loadScript('note-latest')
const NOTE_RECEIVER = loadScript('note-receiver')

/** When no status-worker has said for this long that it takes webhooks, they were refused meanwhile, ms. */
const RECEIVER_GAP_MS = 4_000

/** What a lowered share of the limit regains a second, as in grant-slots.lua. */
const CLIMB_PER_SECOND = 0.05

export type SlotRequest = {
  readonly sender: string
  readonly wanted: number
  /** The limit as configured, messages a second. */
  readonly messagesPerSecond: number
  /** Never more than this a second, whoever says so; `null`: no cap. */
  readonly maxMessagesPerSecond?: number | null
  /** How far ahead slots may lie, ms. */
  readonly horizonMs: number
  /** The first slot lies at least this far ahead, ms: the time it takes to claim. */
  readonly leadMs: number
  /** Whether the limit is kept to the millisecond; else slots are only counted, for limits so high that it makes no difference. */
  readonly paced: boolean
  /** What became of the slots of earlier grants, each told once. */
  readonly told: readonly ToldGrant[]
}

export type SlotReply =
  /** A slot `aheadUs` µs after `nowUs` (µs since 1970) each, and what to tell of them under. `limit`: messages a second in force. */
  | {
      readonly kind: 'slots'
      readonly now: number
      readonly nowUs: number
      readonly serial: number
      readonly aheadUs: readonly number[]
      readonly limit: number
    }
  /** So many, whenever they leave: nobody asked for moments. */
  | { readonly kind: 'unpaced'; readonly now: number; readonly count: number; readonly limit: number }
  | { readonly kind: 'wait'; readonly now: number; readonly nowUs: number; readonly waitMs: number }
  | { readonly kind: 'blocked'; readonly now: number; readonly until: number | null; readonly reason: string }

/**
 * Why a sender must not send. Stored in `keys.blocks(sender)` as `reason -> JSON`.
 * `reason` is `code_<n>` for what the endpoint said, or an operator's word.
 */
export type SenderBlock = {
  readonly since: number
  /** When sending is tried again, ms; `null`: when somebody lifts the block. */
  readonly until: number | null
  readonly code: number | null
  readonly detail: string
  /** Who ordered it; absent where nobody did. */
  readonly by?: string
}

/** The reason under which an operator's pause lies among the blocks. */
export const PAUSED = 'paused'

/** `display_number`: digits of the number as people see it. `messaging_limit`: people a day, or Meta's word for it. */
export type SenderFact = 'display_number' | 'messaging_limit'

export type SenderPacing = {
  readonly factor: number
  readonly restUntil: number
  /** What is said of its rate apart from the senders file. */
  readonly said: Omit<RateWords, 'configured' | 'cap'>
  /** When the provider told of its rate, ms. */
  readonly learnedAt: number | null
}

/**
 * What all processes share about a sender. `keys.rate(sender)` is a hash: `permits` (as in `permits.ts` of
 * delivery, MessagePack), `next` (µs, no slot before this),
 * `factor` (share of the limit in force after 130429) and `changed` (ms, when it was learned), `restUntil` (ms),
 * `limit` (messages a second, overrides the configured one), `learned` (what the provider told), `learnedAt` (when, ms),
 * `learnedOver` (what was configured when it was first used).
 */
export class Senders {
  readonly #client: RedisClient
  readonly #keys: Keys

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  async grantSlots(request: SlotRequest): Promise<SlotReply> {
    const keys = [this.#keys.rate(request.sender), this.#keys.blocks(request.sender)]
    const { wanted, messagesPerSecond, horizonMs, leadMs, maxMessagesPerSecond, paced } = request
    const args = [wanted, messagesPerSecond, horizonMs, leadMs, maxMessagesPerSecond ?? '', paced ? 1 : 0]
    const [now, kind, ...rest] = (await GRANT.run(this.#client, keys, [...args, ...request.told.map(grantText)])) as [
      number,
      string,
      ...(number | string)[],
    ]
    switch (kind) {
      case 'wait':
        return { kind, now, nowUs: Number(rest[1]), waitMs: Number(rest[0]) }
      case 'blocked':
        return { kind, now, until: Number(rest[0]) < 0 ? null : Number(rest[0]), reason: String(rest[1]) }
      case 'unpaced':
        return { kind, now, count: Number(rest[0]), limit: Number(rest[1]) }
      default:
        return {
          kind: 'slots',
          now,
          nowUs: Number(rest[0]),
          serial: Number(rest[1]),
          aheadUs: String(rest[2]).split(',').map(Number),
          limit: Number(rest[3]),
        }
    }
  }

  /** The endpoint says that the number is over its limit: use less of it, and rest for `restMs`. */
  async throttle(sender: string, restMs: number): Promise<void> {
    await SLOW.run(this.#client, [this.#keys.rate(sender)], ['throttle', Math.round(restMs)])
  }

  /** Nothing of this sender starts for `restMs`. */
  async rest(sender: string, restMs: number): Promise<void> {
    await SLOW.run(this.#client, [this.#keys.rate(sender)], ['rest', Math.round(restMs)])
  }

  /**
   * A webhook told of an event of this sender. Remembered is the latest, and only the latest: this is what tells the
   * resending of unknown messages that webhooks flow.
   *
   * @param eventAt when the event happened, ms, by the webhook.
   */
  async noteWebhook(sender: string, eventAt: number): Promise<void> {
    await this.#client.zadd(this.#keys.webhookFlow(sender), 'GT', Math.floor(eventAt), 'until')
  }

  /** The latest event of this sender that a webhook has told of, ms; 0: none yet. */
  async webhooksUntil(sender: string): Promise<number> {
    return Number((await this.#client.zscore(this.#keys.webhookFlow(sender), 'until')) ?? 0)
  }

  /** This process takes webhooks at this moment; to be said every second. */
  async noteReceiver(): Promise<void> {
    await NOTE_RECEIVER.run(this.#client, [this.#keys.receiver()], [RECEIVER_GAP_MS])
  }

  /**
   * For how long webhooks have been taken without a break, ms: what was reported within this time is here. 0 when nobody
   * takes them now, or when what an outage held up may still come.
   *
   * @param now ms by Redis.
   */
  async receivedSteadilyFor(now: number): Promise<number> {
    const [seen, steady] = await this.#client.hmget(this.#keys.receiver(), 'seen', 'steady')
    if (seen == null || now - Number(seen) > RECEIVER_GAP_MS) return 0
    return Math.max(0, now - Number(steady ?? now))
  }

  async block(sender: string, reason: string, block: SenderBlock): Promise<void> {
    await this.#client.hset(this.#keys.blocks(sender), reason, JSON.stringify(block))
  }

  async unblock(sender: string, reason: string): Promise<void> {
    await this.#client.hdel(this.#keys.blocks(sender), reason)
  }

  /** Blocks in force at `now` (ms); those that have ended are left out. */
  async blocks(sender: string, now: number): Promise<ReadonlyMap<string, SenderBlock>> {
    const stored = await this.#client.hgetall(this.#keys.blocks(sender))
    const inForce = new Map<string, SenderBlock>()
    for (const [reason, text] of Object.entries(stored)) {
      const block = JSON.parse(text) as SenderBlock
      if (block.until === null || block.until > now) inForce.set(reason, block)
    }
    return inForce
  }

  /**
   * The provider tells of the number's new rate: the latest word holds, for all processes, until the configured one is
   * changed by somebody (`rateInForce` of delivery).
   *
   * @param at when it was said, ms. @returns whether it was news.
   */
  async learnRate(sender: string, messagesPerSecond: number, at: number): Promise<boolean> {
    return (await LEARN.run(this.#client, [this.#keys.rate(sender)], [messagesPerSecond, Math.floor(at)])) === 1
  }

  /** Remember what the provider tells of a sender; the latest by its own time (ms) holds. Returns whether it was news. */
  async noteFact(sender: string, fact: SenderFact, value: string, at: number): Promise<boolean> {
    return (await NOTE_LATEST.run(this.#client, [this.#keys.senderFacts(sender)], [fact, value, Math.floor(at)])) === 1
  }

  /** What the provider told of a sender, and when (ms). */
  async fact(sender: string, fact: SenderFact): Promise<{ readonly value: string; readonly at: number } | null> {
    const [value, at] = await this.#client.hmget(this.#keys.senderFacts(sender), fact, `${fact}:at`)
    return value == null ? null : { value, at: Number(at ?? 0) }
  }

  /** The share of the rate in force, from 0 to 1, until when the sender rests (ms; 0: it does not), what is said of its rate. */
  async pacing(sender: string): Promise<SenderPacing> {
    const [fields, [seconds]] = await Promise.all([
      this.#client.hmget(
        this.#keys.rate(sender),
        'factor',
        'changed',
        'restUntil',
        'limit',
        'learned',
        'learnedOver',
        'learnedAt',
      ),
      this.#client.time(),
    ])
    const [factor, changed, restUntil, limit, learned, learnedOver, learnedAt] = fields
    const climbedFor = Math.max(0, Number(seconds) - Number(changed ?? 0) / 1_000)
    return {
      factor: Math.min(1, Number(factor ?? 1) + climbedFor * CLIMB_PER_SECOND),
      restUntil: Number(restUntil ?? 0),
      said: { override: numberOf(limit), learned: numberOf(learned), learnedOver: numberOf(learnedOver) },
      learnedAt: numberOf(learnedAt),
    }
  }
}

/** As grant-slots.lua reads it. */
function grantText({ serial, nowUs, slots }: ToldGrant): string {
  return `${serial};${nowUs};${slots.map(([aheadUs, leftUs]) => `${aheadUs}:${leftUs ?? ''}`).join(',')}`
}

function numberOf(field: string | null | undefined): number | null {
  return field == null ? null : Number(field)
}
