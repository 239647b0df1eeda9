import type { CampaignSpec } from '@chasqui/campaign'

import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const HOLD = loadScript('hold-campaign')
const END_HOLD = loadScript('end-hold')

/** A campaign that may have work, as workers and sweepers see it. */
export type AliveCampaign = {
  readonly id: string
  readonly sender: string
  readonly status: string
  /** Who or what paused it; `''`: nobody. */
  readonly reason: string
  readonly template: Pick<CampaignSpec['template'], 'name' | 'language'>
  readonly priority: CampaignSpec['priority']
  readonly onUnknown: CampaignSpec['onUnknown']
  /** Last safe moment of hand-over, ms; `null`: none. */
  readonly notAfter: number | null
  /** When a hold ends by itself, ms; `null`: it is not held, or somebody has to resume it. */
  readonly resumeAt: number | null
}

/** Campaigns that ended stay in sight of exporters for this long, ms. */
export const IN_SIGHT_MS = 6 * 3_600_000

/** The campaigns that somebody has to look after. */
export class AliveCampaigns {
  readonly #client: RedisClient
  readonly #keys: Keys

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  /** Those that have not ended. */
  async list(): Promise<AliveCampaign[]> {
    const ids = await this.#client.zrangebyscore(this.#keys.alive(), '+inf', '+inf')
    const campaigns = await Promise.all(ids.map(async (id) => await this.#read(id)))
    return campaigns.filter((campaign) => campaign !== null)
  }

  /** Those that may be sent for now, by their sender. */
  async running(): Promise<ReadonlyMap<string, readonly string[]>> {
    const ids = await this.#client.zrangebyscore(this.#keys.alive(), '+inf', '+inf')
    const records = await Promise.all(
      ids.map(async (id) => await this.#client.hmget(this.#keys.campaign(id), 'sender', 'status', 'barredBy')),
    )
    const bySender = new Map<string, string[]>()
    for (const [index, [sender, status, barredBy]] of records.entries()) {
      const id = ids[index]
      if (id === undefined || sender == null || status !== 'running' || barredBy != null) continue
      bySender.set(sender, [...(bySender.get(sender) ?? []), id])
    }
    return bySender
  }

  /** Nothing is left to do for a campaign; it stays in sight for some hours. `now`: ms. */
  async retire(id: string, now: number): Promise<void> {
    await this.#client.zadd(this.#keys.alive(), 'XX', Math.floor(now), id)
    await this.#client.zremrangebyscore(this.#keys.alive(), '-inf', Math.floor(now - IN_SIGHT_MS))
  }

  /** Stop a running campaign. `until`: ms, when it goes on by itself; `null`: when somebody resumes it. */
  async hold(id: string, reason: string, until: number | null): Promise<boolean> {
    return (
      (await HOLD.run(this.#client, [this.#keys.campaign(id)], [reason, until === null ? '' : Math.ceil(until)])) === 1
    )
  }

  /** Let a held campaign go on if its time has come. */
  async endHold(id: string): Promise<boolean> {
    return (await END_HOLD.run(this.#client, [this.#keys.campaign(id)], [])) === 1
  }

  /** Nobody needs to ask for visits of these chunks again before `until`, ms. Chunks off the agenda stay off. */
  async postpone(id: string, chunks: readonly number[], until: number): Promise<void> {
    if (chunks.length === 0) return
    const pairs = chunks.flatMap((chunk) => [Math.floor(until), chunk])
    await this.#client.zadd(this.#keys.agenda(id), 'XX', 'GT', ...pairs)
  }

  async #read(id: string): Promise<AliveCampaign | null> {
    const [sender, status, reason, notAfter, resumeAt, spec] = await this.#client.hmget(
      this.#keys.campaign(id),
      'sender',
      'status',
      'reason',
      'notAfter',
      'resumeAt',
      'spec',
    )
    if (sender == null || status == null || spec == null) return null
    const { template, priority, onUnknown } = JSON.parse(spec) as CampaignSpec
    const times = { notAfter: timeOf(notAfter), resumeAt: timeOf(resumeAt) }
    const { name, language } = template
    return { id, sender, status, reason: reason ?? '', template: { name, language }, priority, onUnknown, ...times }
  }
}

function timeOf(field: string | null | undefined): number | null {
  return field == null || field === '' ? null : Number(field)
}
