import type { Campaigns } from './campaigns.ts'
import type { Keys } from './keys.ts'
import { metaKey } from './number-set.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const EXPIRE = loadScript('expire-campaign')

/** How long things are kept, ms. */
export type RetentionTimes = {
  /** A campaign's record, ledger and numbers, from its end: a template's TTL (30 d), late webhooks (7 d) and a margin. */
  readonly campaignMs: number
  /** The recipients of a campaign that runs once, from its end; no longer than the campaign itself. */
  readonly recipientsMs: number
  /** A draft that nobody launches, from its creation. */
  readonly draftMs: number
}

/** A campaign of which nothing was sent is kept this long after it was canceled, ms: no webhook about it can come. */
const NEVER_SENT_MS = 7 * 86_400_000
/** What is claimed and never settled must not keep a campaign for ever, ms. */
const SETTLED_AFTER_MS = 86_400_000
/** A campaign younger than this may be listed and not written yet, ms. */
const WRITTEN_AFTER_MS = 86_400_000
/** Recipients' keys expired in one round trip. */
const KEYS_A_STEP = 500
const RUNS_LOOKED_AT = 100

const FIELDS = ['status', 'endedAt', 'createdAt', 'launchedAt', 'source', 'chunks', 'recipientsUntil'] as const

/**
 * Lets campaigns go when their time has come: a pass gives the keys of those that have ended a time at which Redis drops
 * them. Every step may be done twice and by several processes; a pass looks at a bounded number of campaigns.
 */
export class Retention {
  readonly #client: RedisClient
  readonly #keys: Keys
  readonly #campaigns: Campaigns
  readonly #times: RetentionTimes

  constructor(client: RedisClient, keys: Keys, campaigns: Campaigns, times: RetentionTimes) {
    this.#client = client
    this.#keys = keys
    this.#campaigns = campaigns
    this.#times = times
  }

  /**
   * Look at `most` campaigns, in the order of their creation, from the `from`th on.
   *
   * @param now ms by Redis. @returns where the next pass goes on; 0 after the last.
   */
  async pass(now: number, from: number, most: number): Promise<number> {
    const ids = await this.#client.zrange(this.#keys.campaigns(), String(from), String(from + most - 1))
    let gone = 0
    for (const id of ids) if (!(await this.#look(id, now))) gone += 1
    return ids.length < most ? 0 : from + most - gone
  }

  /** False when the campaign is in no list any more. */
  async #look(id: string, now: number): Promise<boolean> {
    const [status, endedAt, createdAt, launchedAt, source, chunks, recipientsUntil] = await this.#client.hmget(
      this.#keys.campaign(id),
      ...FIELDS,
    )
    if (status == null) return !(await this.#unlist(id, now))
    if (status === 'draft' && Number(createdAt) + this.#times.draftMs <= now) {
      await this.#campaigns.move({ id, from: 'draft', to: 'canceled', reason: 'never launched' })
      return true
    }
    if (!endedAt || (status !== 'completed' && status !== 'canceled')) return true
    const ended = Number(endedAt)
    if (!(await this.#isSettled(id)) && ended + SETTLED_AFTER_MS > now) return true
    const runs = await this.#client.zrevrange(this.#keys.runs(id), 0, RUNS_LOOKED_AT - 1)
    if (await this.#anyAlive(runs)) return true
    const until = ended + this.#keptFor(launchedAt ?? '', runs.length)
    if (recipientsUntil == null) {
      const once = source === id && runs.length === 0
      const recipients = once ? Math.min(until, ended + this.#times.recipientsMs) : until
      await this.#expireRecipients(source ?? id, Number(chunks ?? 0), recipients, source === id)
      await this.#expire(id, until, recipients)
    } else await this.#expire(id, until, null)
    return true
  }

  #keptFor(launchedAt: string, runs: number): number {
    const neverSent = launchedAt === '' && runs === 0
    return neverSent ? Math.min(NEVER_SENT_MS, this.#times.campaignMs) : this.#times.campaignMs
  }

  async #isSettled(id: string): Promise<boolean> {
    const open = await this.#client.hmget(this.#keys.counts(id), 'pending', 'sending')
    return open.every((count) => Number(count ?? 0) === 0)
  }

  /** A run reads the recipients of its parent, so these stay as long as one has work to do. */
  async #anyAlive(runs: readonly string[]): Promise<boolean> {
    const statuses = await Promise.all(
      runs.map(async (run) => await this.#client.hget(this.#keys.campaign(run), 'status')),
    )
    return statuses.some((status) => status !== null && status !== 'completed' && status !== 'canceled')
  }

  /** `own`: of the campaign itself; else of its parent, whose recipients are kept longer then, if they would go at all. */
  async #expireRecipients(source: string, chunks: number, until: number, own: boolean): Promise<void> {
    const buckets = own ? Number((await this.#client.hget(metaKey(this.#keys.numbers(source)), 'buckets')) ?? 0) : 0
    const names = function* (keys: Keys): Generator<string> {
      for (let chunk = 0; chunk < chunks; chunk++) yield keys.chunk(source, chunk)
      for (let bucket = 0; bucket < buckets; bucket++) yield `${keys.numbers(source)}:${bucket}`
      if (own) yield metaKey(keys.numbers(source))
    }
    let step: string[] = []
    for (const name of names(this.#keys)) {
      step.push(name)
      if (step.length < KEYS_A_STEP) continue
      await this.#expireKeys(step, until, own)
      step = []
    }
    await this.#expireKeys(step, until, own)
  }

  async #expireKeys(names: readonly string[], until: number, own: boolean): Promise<void> {
    if (names.length === 0) return
    const pipeline = this.#client.pipeline()
    for (const name of names) {
      // A run that ended later has made it later already, or does so now.
      if (own) pipeline.pexpireat(name, until, 'NX')
      else pipeline.pexpireat(name, until, 'GT')
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error
  }

  async #expire(id: string, until: number, recipientsUntil: number | null): Promise<void> {
    await EXPIRE.run(this.#client, this.#keys.ofCampaign(id), [until, recipientsUntil ?? ''])
  }

  /** Take a campaign that is gone out of the lists. False: it may only not be written yet. */
  async #unlist(id: string, now: number): Promise<boolean> {
    const listedAt = Number((await this.#client.zscore(this.#keys.campaigns(), id)) ?? 0)
    if (listedAt + WRITTEN_AFTER_MS > now) return false
    await this.#client.zrem(this.#keys.alive(), id)
    await this.#client.zrem(this.#keys.campaigns(), id)
    return true
  }
}
