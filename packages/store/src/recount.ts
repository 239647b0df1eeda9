import { dispositionOf, DISPOSITIONS, viewOf } from '@chasqui/delivery'
import type { DeliveryView } from '@chasqui/delivery'

import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'

/** A counter that does not say what the ledger says. */
export type Miscount = { readonly field: string; readonly counted: number; readonly inLedger: number }

const VIEW_FIELDS = {
  sent: 'delivery:sent',
  delivered: 'delivery:delivered',
  read: 'delivery:read',
  failed: 'delivery:failed',
  undelivered: 'delivery:undelivered',
  held: 'delivery:held',
  marketing_lite: 'route:marketing_lite',
  marketing: 'route:marketing',
} as const satisfies Readonly<Record<keyof DeliveryView, string>>

/**
 * Count a campaign again from its ledger bytes and hold the counters against that: the proof of law 1 at one instant,
 * also while it runs. One round trip of two bytes a recipient; the counting is done here, not in Redis.
 *
 * @returns the counters that differ; none when all is well.
 */
export async function recount(client: RedisClient, keys: Keys, campaign: string): Promise<Miscount[]> {
  const snapshot = await client
    .multi()
    .getBuffer(keys.states(campaign))
    .getBuffer(keys.facts(campaign))
    .hgetall(keys.counts(campaign))
    .exec()
  const [states, facts, counts] = (snapshot ?? []).map(([error, value]) => {
    if (error !== null) throw error
    return value
  }) as [Buffer | null, Buffer | null, Readonly<Record<string, string>>]
  const inLedger = countLedger(states ?? Buffer.alloc(0), facts ?? Buffer.alloc(0))
  return [...inLedger]
    .map(([field, number]) => ({ field, counted: Number(counts[field] ?? 0), inLedger: number }))
    .filter(({ counted, inLedger: truth }) => counted !== truth)
}

/** What the counters must say for these ledger bytes and facts. */
export function countLedger(states: Uint8Array, facts: Uint8Array): Map<string, number> {
  const byByte = tally(states)
  const counts = new Map<string, number>([['recipients', 0], ...DISPOSITIONS.map((name) => [name, 0] as const)])
  for (const [byte, number] of byByte.entries()) {
    const disposition = dispositionOf(byte)
    if (disposition === null) continue
    add(counts, disposition, number)
    add(counts, 'recipients', number)
  }
  const byFacts = tally(facts)
  for (const field of Object.values(VIEW_FIELDS)) counts.set(field, 0)
  for (const [byte, number] of byFacts.entries()) {
    const view = viewOf(byte)
    for (const name of Object.keys(VIEW_FIELDS) as (keyof DeliveryView)[])
      add(counts, VIEW_FIELDS[name], view[name] * number)
  }
  return counts
}

function tally(bytes: Uint8Array): Uint32Array {
  const byByte = new Uint32Array(256)
  for (const byte of bytes) byByte[byte] = (byByte[byte] ?? 0) + 1
  return byByte
}

function add(counts: Map<string, number>, field: string, by: number): void {
  counts.set(field, (counts.get(field) ?? 0) + by)
}
