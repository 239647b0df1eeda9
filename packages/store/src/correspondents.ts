import { personKey } from '@chasqui/campaign'

import type { Keys } from './keys.ts'
import { NumberSet } from './number-set.ts'
import type { RedisClient } from './redis.ts'

/** Campaigns looked at, newest first: some days of a busy installation. */
const LISTED_MAX = 2_000
/** Of one sender's campaigns at most so many are asked for one person, newest first. */
const ASKED_MAX = 50
/** Replies come within days of a message, if they come, ms. */
const RECENT_MS = 31 * 86_400_000
/** The list of campaigns is read again when it is older than this, ms. */
const LIST_AGAIN_MS = 5_000

type Launched = { readonly id: string; readonly sender: string; readonly source: string; readonly launchedAt: number }

/** Somebody who wrote to a sender at some moment (ms). `number`: E.164 without '+'. */
export type Writer = { readonly sender: string; readonly number: number; readonly at: number }

/**
 * Finds the campaign that somebody most likely answers: of the sender's campaigns launched before they wrote, the latest that
 * has them as a recipient. That follows from what does not change any more, so asking again gives the same answer. An answer
 * to something else that the number sent is taken for one to the campaign.
 */
export class Correspondents {
  readonly #client: RedisClient
  readonly #keys: Keys
  readonly #numbers = new Map<string, NumberSet>()
  #known: ReadonlyMap<string, Launched> = new Map()
  #listedAt = -Infinity

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  /**
   * The campaign of each of them, in order; `null` where none is found. One question a campaign, at most {@link ASKED_MAX} a
   * sender, whatever the number of people.
   *
   * @param now ms.
   */
  async campaignsOf(writers: readonly Writer[], now: number): Promise<(string | null)[]> {
    await this.#list(now)
    const found = writers.map((): string | null => null)
    for (const [sender, places] of Map.groupBy(writers.keys(), (place) => writers[place]?.sender ?? '')) {
      let open = places
      for (const campaign of this.#campaignsOf(sender)) {
        if (open.length === 0) break
        const asked = open.filter((place) => (writers[place]?.at ?? 0) >= campaign.launchedAt)
        const people = asked.map((place) => personKey(writers[place]?.number ?? 0))
        const has = people.length === 0 ? [] : await this.#numbersOf(campaign.source).has(people)
        for (const [index, place] of asked.entries()) if (has[index] === true) found[place] = campaign.id
        open = open.filter((place) => found[place] === null)
      }
    }
    return found
  }

  #campaignsOf(sender: string): Launched[] {
    return [...this.#known.values()]
      .filter((campaign) => campaign.sender === sender)
      .toSorted((a, b) => b.launchedAt - a.launchedAt)
      .slice(0, ASKED_MAX)
  }

  #numbersOf(source: string): NumberSet {
    const numbers = this.#numbers.get(source) ?? new NumberSet(this.#client, this.#keys.numbers(source))
    this.#numbers.set(source, numbers)
    return numbers
  }

  async #list(now: number): Promise<void> {
    if (now - this.#listedAt < LIST_AGAIN_MS) return
    const since = Math.floor(now - RECENT_MS)
    const ids = await this.#client.zrevrangebyscore(this.#keys.campaigns(), '+inf', since, 'LIMIT', 0, LISTED_MAX)
    // What was launched stays so; only the others are read again.
    const read = await Promise.all(ids.map(async (id) => this.#known.get(id) ?? (await this.#read(id))))
    this.#known = new Map(read.filter((campaign) => campaign !== null).map((campaign) => [campaign.id, campaign]))
    const sources = new Set([...this.#known.values()].map(({ source }) => source))
    for (const source of this.#numbers.keys()) if (!sources.has(source)) this.#numbers.delete(source)
    this.#listedAt = now
  }

  async #read(id: string): Promise<Launched | null> {
    const record = await this.#client.hmget(this.#keys.campaign(id), 'sender', 'source', 'launchedAt')
    const [sender, source, launchedAt] = record
    if (sender == null || launchedAt == null || launchedAt === '') return null
    return { id, sender, source: source ?? id, launchedAt: Number(launchedAt) }
  }
}
