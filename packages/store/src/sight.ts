import { IN_SIGHT_MS } from './alive.ts'
import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'

/** A campaign and its numbers at one instant, for those who watch. */
export type CampaignSight = {
  readonly id: string
  readonly sender: string
  readonly status: string
  /** Last safe moment of hand-over, ms; `null`: none. */
  readonly notAfter: number | null
  /** When it starts or started by its schedule, ms; `null`: at its launch, or again and again. */
  readonly startAt: number | null
  /** Ms; `null`: not yet. */
  readonly launchedAt: number | null
  /** The counts hash; a missing field is 0. */
  readonly counts: ReadonlyMap<string, number>
}

/**
 * The campaigns in sight: alive, or ended within the last hours; the alive first, then those that ended latest, at most `most`.
 *
 * @param now ms since 1970.
 * @returns them, and how many there are in all.
 */
export async function campaignsInSight(
  client: RedisClient,
  keys: Keys,
  most: number,
  now: number,
): Promise<{ readonly seen: CampaignSight[]; readonly total: number }> {
  // Nobody takes those that ended long ago off the list while no other campaign ends.
  const since = Math.floor(now - IN_SIGHT_MS)
  const [ids, total] = await Promise.all([
    client.zrevrangebyscore(keys.alive(), '+inf', since, 'LIMIT', 0, most),
    client.zcount(keys.alive(), since, '+inf'),
  ])
  const seen = await Promise.all(ids.map(async (id) => await look(client, keys, id)))
  return { seen: seen.filter((sight) => sight !== null), total }
}

async function look(client: RedisClient, keys: Keys, id: string): Promise<CampaignSight | null> {
  const [[sender, status, notAfter, startAt, launchedAt], counts] = await Promise.all([
    client.hmget(keys.campaign(id), 'sender', 'status', 'notAfter', 'startAt', 'launchedAt') as Promise<
      [string | null, string | null, string | null, string | null, string | null]
    >,
    client.hgetall(keys.counts(id)),
  ])
  if (sender === null || status === null) return null
  return {
    id,
    sender,
    status,
    notAfter: timeOf(notAfter),
    startAt: timeOf(startAt),
    launchedAt: timeOf(launchedAt),
    counts: new Map(Object.entries(counts).map(([field, value]) => [field, Number(value)])),
  }
}

function timeOf(field: string | null): number | null {
  return field === null || field === '' ? null : Number(field)
}
