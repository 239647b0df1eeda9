import type { CampaignSpec } from '@chasqui/campaign'

import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const INFER = loadScript('infer-undelivered')

/** A campaign whose messages have a TTL. */
export type LapsingCampaign = {
  /** Nothing of it can fall back to Cloud API, where the TTL does not hold. */
  readonly strict: boolean
  /** Ms; `null` while it has not ended. */
  readonly endedAt: number | null
}

/**
 * Messages that outlived their template's TTL. Claims note, chunk by chunk, when that will be so; campaigns are listed
 * from the moment they are first alive until no webhook about them can come any more.
 */
export class LapseBook {
  readonly #client: RedisClient
  readonly #keys: Keys

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  /** Campaigns to look at by `now` (ms), the longest overdue first. */
  async campaigns(now: number, most: number): Promise<string[]> {
    return await this.#client.zrangebyscore(this.#keys.lapsing(), '-inf', Math.floor(now), 'LIMIT', 0, most)
  }

  /** `null`: there is no such campaign, or its template's TTL is not known. */
  async read(id: string): Promise<LapsingCampaign | null> {
    const [ttl, endedAt, spec] = await this.#client.hmget(this.#keys.campaign(id), 'ttl', 'endedAt', 'spec')
    if (ttl == null || ttl === '' || spec == null) return null
    const { productPolicy } = JSON.parse(spec) as CampaignSpec
    return {
      strict: productPolicy === 'STRICT',
      endedAt: endedAt == null || endedAt === '' ? null : Number(endedAt),
    }
  }

  /** Chunks all of whose messages had outlived their TTL by `until`, ms. */
  async lapsed(id: string, until: number, most: number): Promise<number[]> {
    const chunks = await this.#client.zrangebyscore(this.#keys.lapses(id), '-inf', Math.floor(until), 'LIMIT', 0, most)
    return chunks.map(Number)
  }

  /** Look at one of them; may be asked again. @returns messages taken for undelivered by this. */
  async infer(id: string, chunk: number, until: number, strict: boolean): Promise<number> {
    const { counts, states, facts, lapses } = this.#keys
    const keys = [counts(id), states(id), facts(id), lapses(id)]
    return (await INFER.run(this.#client, keys, [chunk, Math.floor(until), strict ? '1' : '0'])) as number
  }

  /** When the next chunk's messages will have outlived their TTL, ms; `null`: there is none. */
  async nextLapse(id: string): Promise<number | null> {
    const [, at] = await this.#client.zrange(this.#keys.lapses(id), '0', '0', 'WITHSCORES')
    return at === undefined ? null : Number(at)
  }

  /** Look at a campaign again at `at`, ms; `null`: never. */
  async lookAgain(id: string, at: number | null): Promise<void> {
    if (at === null) await this.#client.zrem(this.#keys.lapsing(), id)
    else await this.#client.zadd(this.#keys.lapsing(), 'XX', Math.floor(at), id)
  }
}
