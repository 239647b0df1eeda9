import { rateInForce } from '@chasqui/delivery'
import { PAUSED } from '@chasqui/store'
import type { Heart, Senders } from '@chasqui/store'

import type { SenderOutlook } from './outlook.ts'

/** The rates of a sender as its file says them. */
export type ConfiguredRate = { readonly messagesPerSecond: number; readonly maxMessagesPerSecond: number | null }

/** What keeps campaigns from moving, read at one time. */
export type Conditions = {
  readonly halted: 'stopped' | 'quarantined' | null
  readonly senders: ReadonlyMap<string, SenderOutlook>
}

export type ConditionsOptions = {
  readonly heart: Pick<Heart, 'state'>
  readonly senders: Pick<Senders, 'blocks' | 'pacing'>
  readonly rates: ReadonlyMap<string, ConfiguredRate>
}

/** @param now ms since 1970. */
export async function readConditions(
  { heart, senders, rates }: ConditionsOptions,
  ids: ReadonlySet<string>,
  now: number,
): Promise<Conditions> {
  const [{ stopped, quarantine }, read] = await Promise.all([
    heart.state(),
    Promise.all(
      [...ids].map(async (id) => {
        const [blocks, pacing] = await Promise.all([senders.blocks(id, now), senders.pacing(id)])
        return [id, { blocks, pacing }] as const
      }),
    ),
  ])
  const outlooks = read.map(([id, { blocks, pacing }]): [string, SenderOutlook] => {
    const rate = rates.get(id)
    const untils = [...blocks.values()].map(({ until }) => until)
    const stands = blocks.has(PAUSED) ? 'sender_paused' : untils.includes(null) ? 'sender_blocked' : null
    return [
      id,
      {
        rate:
          rate === undefined
            ? null
            : rateInForce({ ...pacing.said, configured: rate.messagesPerSecond, cap: rate.maxMessagesPerSecond })
                .messagesPerSecond * pacing.factor,
        stands,
        restsUntil: Math.max(0, pacing.restUntil, ...untils.map((until) => until ?? 0)),
      },
    ]
  })
  return {
    halted: quarantine !== null ? 'quarantined' : stopped !== null ? 'stopped' : null,
    senders: new Map(outlooks),
  }
}
