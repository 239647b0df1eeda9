import { createHash } from 'node:crypto'

import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const COUNT = loadScript('count-once')

const DAY_MS = 86_400_000
/** Meta tells again for up to seven days; what is older is not counted, for it could have been counted before, ms. */
const OLDEST_MS = 8 * DAY_MS
/** What happened on one day is remembered until nothing of that day is counted any more, ms. */
const KEPT_MS = 10 * DAY_MS
/** Some 50 bytes each, forgotten after {@link KEPT_MS}. */
const IDS_A_DAY_MAX = 1_000_000
/** Things a call: the script runs for about a millisecond. */
const STEP = 500

/** Something that counts once, however often it is told of. */
export type Countable = {
  /** Tells it from all others; only a digest of it is stored. */
  readonly identity: string
  /** When it happened, ms. */
  readonly at: number
  /** The field it counts in. */
  readonly field: string
}

/**
 * Count each of these once.
 *
 * @param counts key of the hash. @param seen key of what was counted on a day, in the same slot of a cluster.
 * @param now ms.
 * @returns how many were counted by this, and how many could not be for their day was full.
 */
export async function countOnce(
  client: RedisClient,
  keys: { readonly counts: string; readonly seen: (day: number) => string },
  things: readonly Countable[],
  now: number,
): Promise<{ readonly counted: number; readonly overflow: number }> {
  const recent = things.filter(({ at }) => at >= now - OLDEST_MS)
  const total = { counted: 0, overflow: 0 }
  for (let from = 0; from < recent.length; from += STEP) {
    const part = recent.slice(from, from + STEP)
    const days = [...new Set(part.map(({ at }) => dayOf(at)))]
    const args = part.flatMap(({ identity, at, field }) => [days.indexOf(dayOf(at)) + 2, digestOf(identity), field])
    const reply = await COUNT.run(client, [keys.counts, ...days.map(keys.seen)], [KEPT_MS, IDS_A_DAY_MAX, ...args])
    const [counted, overflow] = reply as [number, number]
    total.counted += counted
    total.overflow += overflow
  }
  return total
}

function dayOf(at: number): number {
  return Math.floor(at / DAY_MS)
}

/** 48 bits: two of a million things on one day are taken for the same once in 500 such days. A small set of numbers is packed. */
function digestOf(identity: string): number {
  return createHash('sha256').update(identity).digest().readUIntBE(0, 6)
}
