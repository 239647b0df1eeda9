import { countOnce } from './count-once.ts'
import type { Countable } from './count-once.ts'
import { Correspondents } from './correspondents.ts'
import type { Keys } from './keys.ts'
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
  /** It answers a message of this number, by the provider's word. */
  readonly isAnswer: boolean
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

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
    this.#correspondents = new Correspondents(client, keys)
  }

  /** Returns how many could not be counted: too many of one day. `now`: ms. */
  async countReplies(replies: readonly Reply[], now: number): Promise<number> {
    if (replies.length === 0) return 0
    const answers = replies.flatMap((reply) =>
      reply.isAnswer && reply.from !== null ? [{ reply, sender: reply.sender, number: reply.from, at: reply.at }] : [],
    )
    const campaigns = answers.length === 0 ? [] : await this.#correspondents.campaignsOf(answers, now)
    const attributed = answers.flatMap(({ reply }, place) => {
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

  async #countForSender(sender: string, things: readonly Countable[], now: number): Promise<number> {
    const keys = { counts: this.#keys.echoes(sender), seen: (day: number) => this.#keys.echoesSeen(sender, day) }
    return (await countOnce(this.#client, keys, things, now)).overflow
  }
}

function countableOf({ messageId, at, kind }: Reply): Countable {
  return { identity: messageId, at, field: `reply:${kind}` }
}
