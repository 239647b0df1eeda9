import { compareRetelling, disagreements, retell, startRetelling } from '@chasqui/delivery'
import type { Comparison } from '@chasqui/delivery'
import { foldedSoFar, logReach, snapshotLedger, walkLog } from '@chasqui/store'
import type { Keys, LogReach, RedisClient } from '@chasqui/store'

import { readBatch } from '../lessons.ts'

/** What came of telling a campaign's numbers again from the log of webhooks. */
export type Verification =
  | { readonly kind: 'missing' }
  | { readonly kind: 'no_log' }
  | {
      /** `partial`: the log begins after the campaign's launch, and what it tells is in the ledger. */
      readonly kind: 'equal' | 'different' | 'partial'
      readonly comparison: Comparison
      /** The counters that are not as the log tells them. */
      readonly apart: Comparison['counters']
      readonly launchedAt: number | null
      /** When the log begins, ms. */
      readonly logFrom: number | null
      /** Statuses of the campaign that the log holds. */
      readonly statuses: number
      /** Recipients that failed with several codes, which the ledger may have counted in another order. */
      readonly undecided: number
    }

export type Progress = { readonly bodies: number; readonly statuses: number; readonly at: number }

/** A campaign is launched by the producer's clock and its statuses are stored by Redis'; hours apart they are not, ms. */
const CLOCKS_APART_MS = 60_000

/**
 * Tell a campaign's delivery numbers again from the log and hold them against its ledger, also while webhooks come in. Reads
 * only; takes a few bytes a recipient and a few entries of the log at a time.
 */
export async function verifyCampaign(
  client: RedisClient,
  keys: Keys,
  campaign: string,
  onProgress: (progress: Progress) => void,
): Promise<Verification> {
  const [launched] = await client.hmget(keys.campaign(campaign), 'launchedAt')
  if ((await client.exists(keys.campaign(campaign))) === 0) return { kind: 'missing' }
  const launchedAt = launched === null || launched === undefined || launched === '' ? null : Number(launched)
  if ((await logReach(client, keys)) === null) return { kind: 'no_log' }
  // What was folded before the ledger is read must be in it; what came until after it was read may be.
  const isFolded = await foldedSoFar(client, keys)
  const ledger = await snapshotLedger(client, keys, campaign)
  const last = (await logReach(client, keys))?.last ?? '0-0'
  const so = startRetelling(ledger.states.length)
  let [bodies, statuses] = [0, 0]
  for await (const { id, at, unpack } of walkLog(client, keys, (launchedAt ?? 0) - CLOCKS_APART_MS, last)) {
    const folded = isFolded(id)
    for (const body of unpack()) {
      bodies += 1
      if (!maySpeakOf(body, campaign)) continue
      const { matched } = readBatch([{ text: body.toString('utf8'), at }], {
        environment: keys.prefix,
        optOutWords: new Set(),
      })
      for (const { lesson } of matched.get(campaign) ?? []) {
        statuses += 1
        retell(so, lesson, folded)
      }
    }
    onProgress({ bodies, statuses, at })
  }
  const reach = await logReach(client, keys)
  const comparison = compareRetelling(so, ledger)
  const apart = disagreements(so, comparison)
  const { unfolded, untold, notAccepted } = comparison
  const lacking = unfolded + notAccepted > 0
  const reaches = reach !== null && reachesBack(reach, launchedAt)
  const kind = !reaches && !lacking ? 'partial' : lacking || untold > 0 || apart.length > 0 ? 'different' : 'equal'
  const [logFrom, undecided] = [reach?.from ?? null, so.undecided.size]
  return { kind, comparison, apart, launchedAt, logFrom, statuses, undecided }
}

/** Asked after the log was read: what was forgotten meanwhile may not have been read. */
function reachesBack({ whole, from }: LogReach, launchedAt: number | null): boolean {
  return whole || (from !== null && launchedAt !== null && from <= launchedAt)
}

/** Most bodies of a log are about other campaigns and need not be read. An escape may hide any letter. */
function maySpeakOf(body: Buffer, campaign: string): boolean {
  return body.includes(campaign) || body.includes(String.raw`\u`)
}
