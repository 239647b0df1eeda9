import { compareRetelling, disagreements, retell, startRetelling } from '@chasqui/delivery'
import type { Comparison, Lesson } from '@chasqui/delivery'
import { foldedSoFar, logReach, MessageIds, snapshotLedger, walkLog } from '@chasqui/store'
import type { Keys, LogReach, RedisClient } from '@chasqui/store'

import { lessonFor, readBatch } from '../lessons.ts'
import type { Reading, Taken } from '../lessons.ts'

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
  const [launched, sender] = await client.hmget(keys.campaign(campaign), 'launchedAt', 'sender')
  if ((await client.exists(keys.campaign(campaign))) === 0) return { kind: 'missing' }
  const launchedAt = launched === null || launched === undefined || launched === '' ? null : Number(launched)
  if ((await logReach(client, keys)) === null) return { kind: 'no_log' }
  // What was folded before the ledger is read must be in it; what came until after it was read may be.
  const isFolded = await foldedSoFar(client, keys)
  const listener = await listen(client, keys, campaign, sender ?? '')
  const ledger = await snapshotLedger(client, keys, campaign)
  const last = (await logReach(client, keys))?.last ?? '0-0'
  const so = startRetelling(ledger.states.length)
  let [bodies, statuses] = [0, 0]
  for await (const { id, at, unpack } of walkLog(client, keys, (launchedAt ?? 0) - CLOCKS_APART_MS, last)) {
    const folded = isFolded(id)
    const texts: Taken[] = []
    for (const body of unpack()) {
      bodies += 1
      if (listener.maySpeak(body)) texts.push({ text: body.toString('utf8'), at })
    }
    for (const { lesson, waited } of await listener.hear(texts)) {
      statuses += 1
      retell(so, lesson, folded && !waited)
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

/** A status of the campaign. `waited`: for its message to be known, so that it may be folded by now, or not yet. */
type Heard = { readonly lesson: Lesson; readonly waited: boolean }

/** Knows the campaign's statuses. Which of them wait is asked for once, so begin before the ledger is read. */
async function listen(
  client: RedisClient,
  keys: Keys,
  campaign: string,
  sender: string,
): Promise<{ maySpeak: (body: Buffer) => boolean; hear: (bodies: readonly Taken[]) => Promise<Heard[]> }> {
  const ids = new MessageIds(client, keys)
  const byId = await ids.hasAny(sender)
  const waits = byId ? await ids.whoWaits(sender) : () => false
  // The sender's index is asked about every status that carries no callback data of ours: an id is one message's alone.
  const reading: Reading = {
    environment: keys.prefix,
    optOutWords: new Set(),
    ...(byId ? { byMessageId: { get: () => sender } } : {}),
  }
  return {
    maySpeak: (body) => byId || maySpeakOf(body, campaign),
    hear: async (bodies) => {
      const { matched, nameless } = readBatch(bodies, reading)
      const places = await ids.find(
        sender,
        nameless.map(({ messageId }) => messageId),
      )
      const named = (matched.get(campaign) ?? []).map(({ lesson }) => ({ lesson, waited: false }))
      const unnamed = nameless.flatMap(({ messageId, event }, index): Heard[] => {
        const place = places[index] ?? null
        if (place === null || place.campaign !== campaign) return []
        return [{ lesson: lessonFor(place, event).lesson, waited: waits(messageId) }]
      })
      return [...named, ...unnamed]
    },
  }
}

/** Most bodies of a log are about other campaigns and need not be read. An escape may hide any letter. */
function maySpeakOf(body: Buffer, campaign: string): boolean {
  return body.includes(campaign) || body.includes(String.raw`\u`)
}
