import { countOnce } from './count-once.ts'
import type { Countable } from './count-once.ts'
import { Correspondents } from './correspondents.ts'
import type { Keys } from './keys.ts'
import { MessageIds } from './message-ids.ts'
import type { RedisClient } from './redis.ts'

/** What people do when a message has reached them. `tap`: a button or a list; `message`: whatever they wrote or sent. */
export const REPLY_KINDS = ['tap', 'message', 'reaction'] as const
export type ReplyKind = (typeof REPLY_KINDS)[number]
export const CLICK_KINDS = ['link', 'landing_page'] as const
export type ClickKind = (typeof CLICK_KINDS)[number]

/** Somebody wrote to a sender. */
export type Reply = {
  readonly sender: string
  readonly kind: ReplyKind
  /** The id of what they wrote. */
  readonly messageId: string
  /** E.164 without '+'; `null`: known by another name. */
  readonly from: number | null
  /** The id of the message of this number that it answers, by the provider's word; `null`: it answers none. */
  readonly answers: string | null
  readonly at: number
}

/** The provider saw a click, and does not tell whose. */
export type Click = {
  readonly sender: string
  readonly kind: ClickKind
  readonly identity: string
  readonly at: number
}

/** How often each kind was counted, per sender. */
export type EchoCounts = {
  readonly replies: Readonly<Record<ReplyKind, number>>
  readonly clicks: Readonly<Record<ClickKind, number>>
}

/** Counts what comes back from people: replies per sender and, where it is known, per campaign; clicks per sender. Each once. */
export class Echoes {
  readonly #client: RedisClient
  readonly #keys: Keys
  readonly #correspondents: Correspondents
  readonly #ids: MessageIds

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
    this.#correspondents = new Correspondents(client, keys)
    this.#ids = new MessageIds(client, keys)
  }

  /** Returns how many could not be counted: too many of one day. `now`: ms. */
  async countReplies(replies: readonly Reply[], now: number): Promise<number> {
    if (replies.length === 0) return 0
    const campaigns = await this.#campaignsOf(replies, now)
    const attributed = replies.flatMap((reply, place) => {
      const campaign = campaigns[place] ?? null
      return campaign === null ? [] : [{ campaign, thing: countableOf(reply) }]
    })
    const overflows = await Promise.all([
      ...[...Map.groupBy(replies, ({ sender }) => sender)].map(
        async ([sender, own]) => await this.#countForSender(sender, own.map(countableOf), now),
      ),
      ...[...Map.groupBy(attributed, ({ campaign }) => campaign)].map(async ([campaign, own]) => {
        const keys = { counts: this.#keys.counts(campaign), seen: (day: number) => this.#keys.replies(campaign, day) }
        const things = own.map(({ thing }) => thing)
        return (await countOnce(this.#client, keys, things, now)).overflow
      }),
    ])
    return overflows.reduce((sum, overflow) => sum + overflow, 0)
  }

  /** Returns how many could not be counted: too many of one day. `now`: ms. */
  async countClicks(clicks: readonly Click[], now: number): Promise<number> {
    let overflow = 0
    for (const [sender, own] of Map.groupBy(clicks, (click) => click.sender)) {
      const things = own.map(({ identity, at, kind }) => ({ identity, at, field: `click:${kind}` }))
      overflow += await this.#countForSender(sender, things, now)
    }
    return overflow
  }

  async ofSender(sender: string): Promise<EchoCounts> {
    const counts = await this.#client.hgetall(this.#keys.echoes(sender))
    const of = (field: string): number => Number(counts[field] ?? 0)
    return {
      replies: { tap: of('reply:tap'), message: of('reply:message'), reaction: of('reply:reaction') },
      clicks: { link: of('click:link'), landing_page: of('click:landing_page') },
    }
  }

  /**
   * The campaign that each of them answers, in order. The index of message ids knows it for sure; where it does not know the
   * message, the person tells it as well as can be.
   */
  async #campaignsOf(replies: readonly Reply[], now: number): Promise<readonly (string | null)[]> {
    const found = replies.map((): string | null => null)
    const answers = replies.flatMap(({ answers: messageId, ...reply }, place) =>
      messageId === null ? [] : [{ ...reply, messageId, place }],
    )
    for (const [sender, own] of Map.groupBy(answers, (answer) => answer.sender)) {
      const messages = await this.#ids.find(
        sender,
        own.map(({ messageId }) => messageId),
      )
      const campaigns = new Set(messages.flatMap((message) => (message === null ? [] : [message.campaign])))
      const kept = await this.#existing(campaigns)
      for (const [index, { place }] of own.entries()) {
        const campaign = messages[index]?.campaign
        if (campaign !== undefined && kept.has(campaign)) found[place] = campaign
      }
    }
    const writers = answers.flatMap(({ sender, from, at, place }) =>
      found[place] !== null || from === null ? [] : [{ sender, number: from, at, place }],
    )
    const likely = writers.length === 0 ? [] : await this.#correspondents.campaignsOf(writers, now)
    for (const [index, { place }] of writers.entries()) found[place] = likely[index] ?? null
    return found
  }

  /** The index may outlive a campaign, whose counters must not come back. */
  async #existing(campaigns: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const existing = await Promise.all(
      [...campaigns].map(async (id) => ((await this.#client.exists(this.#keys.campaign(id))) === 1 ? [id] : [])),
    )
    return new Set(existing.flat())
  }

  async #countForSender(sender: string, things: readonly Countable[], now: number): Promise<number> {
    const keys = { counts: this.#keys.echoes(sender), seen: (day: number) => this.#keys.echoesSeen(sender, day) }
    return (await countOnce(this.#client, keys, things, now)).overflow
  }
}

function countableOf({ messageId, at, kind }: Reply): Countable {
  return { identity: messageId, at, field: `reply:${kind}` }
}
