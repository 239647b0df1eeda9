import { randomUUID } from 'node:crypto'

import { dispositionOf, DISPOSITIONS, PRICE_KINDS, pricedMessages, priceKindOf, viewOf } from '@chasqui/delivery'
import type { DeliveryView, LedgerSnapshot, PriceKind } from '@chasqui/delivery'

import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const COPY = loadScript('copy-ledger')

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

/** Ledger bytes read at a time: no answer and no memory grows with the campaign. */
const PIECE = 262_144
/** The copies go by themselves when the process that made them dies, ms. */
const COPIES_KEPT_MS = 60_000

/**
 * Count a campaign again from its ledger bytes and hold the counters against that: the proof of law 1 at one instant,
 * also while it runs. Redis copies the bytes in the step that reads the counters (two bytes a recipient, a third
 * where somebody's price was unusual, for as long as this takes); they are read from the copies piece by piece and counted here.
 *
 * @returns the counters that differ; none when all is well.
 */
export async function recount(client: RedisClient, keys: Keys, campaign: string): Promise<Miscount[]> {
  const copies = copiesOf(keys, campaign)
  try {
    const counts = await takeCopies(client, keys, campaign, copies)
    // The ledger does not know countries: what is billed alike is held against the sum over all of them.
    for (const { kind, messages } of pricedMessages(counts)) add(counts, `price:${kind}`, messages)
    const states = await tallyOf(client, copies.states)
    const { facts, billed } = await tallyFacts(client, copies)
    return [...countsOf(states, facts), ...billed]
      .map(([field, number]) => ({ field, counted: counts.get(field) ?? 0, inLedger: number }))
      .filter(({ counted, inLedger: truth }) => counted !== truth)
  } finally {
    await client.unlink(...Object.values(copies))
  }
}

/** A campaign's ledger bytes and counters, all at one instant; two bytes a recipient, copied and read like those of a recount. */
export async function snapshotLedger(client: RedisClient, keys: Keys, campaign: string): Promise<LedgerSnapshot> {
  const copies = copiesOf(keys, campaign)
  try {
    const counts = await takeCopies(client, keys, campaign, copies)
    return {
      states: await wholeOf(client, copies.states),
      facts: await wholeOf(client, copies.facts),
      counts,
    }
  } finally {
    await client.unlink(...Object.values(copies))
  }
}

/** Keys of the copies. */
type Copies = { readonly states: string; readonly facts: string; readonly prices: string }

function copiesOf(keys: Keys, campaign: string): Copies {
  const copy = (): string => keys.copy(campaign, randomUUID())
  return { states: copy(), facts: copy(), prices: copy() }
}

/** What the counters must say for these ledger bytes and facts. */
export function countLedger(states: Uint8Array, facts: Uint8Array): Map<string, number> {
  return countsOf(tally(states), tally(facts))
}

async function takeCopies(
  client: RedisClient,
  keys: Keys,
  campaign: string,
  copies: Copies,
): Promise<Map<string, number>> {
  const { counts, states, facts, prices } = keys
  const names = [counts(campaign)]
  names.push(states(campaign), copies.states, facts(campaign), copies.facts, prices(campaign), copies.prices)
  const reply = (await COPY.run(client, names, [COPIES_KEPT_MS])) as readonly string[]
  const counted = new Map<string, number>()
  for (let at = 0; at + 1 < reply.length; at += 2) counted.set(reply[at] ?? '', Number(reply[at + 1]))
  return counted
}

async function tallyOf(client: RedisClient, key: string): Promise<Uint32Array> {
  const byByte = new Uint32Array(256)
  for await (const piece of piecesOf(client, key)) tally(piece, byByte)
  return byByte
}

async function wholeOf(client: RedisClient, key: string): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of piecesOf(client, key)) pieces.push(piece)
  return Buffer.concat(pieces)
}

async function* piecesOf(client: RedisClient, key: string): AsyncGenerator<Buffer> {
  for (let from = 0; ; from += PIECE) {
    const piece = await client.getrangeBuffer(key, from, from + PIECE - 1)
    yield piece
    if (piece.length < PIECE) return
  }
}

/** How many messages each set of facts is known of, and what they are billed as, whatever the country. */
async function tallyFacts(
  client: RedisClient,
  copies: Copies,
): Promise<{ readonly facts: Uint32Array; readonly billed: ReadonlyMap<string, number> }> {
  const facts = new Uint32Array(256)
  const billed = new Map(PRICE_KINDS.map((kind) => [`price:${kind}`, 0]))
  const kinds: (PriceKind | null)[] = []
  for (let from = 0; ; from += PIECE) {
    const [piece, prices] = await Promise.all(
      [copies.facts, copies.prices].map(async (key) => await client.getrangeBuffer(key, from, from + PIECE - 1)),
    )
    if (piece === undefined) return { facts, billed }
    tally(piece, facts)
    for (const [place, known] of piece.entries()) {
      const pair = known * 256 + (prices?.[place] ?? 0)
      const kind = kinds[pair] === undefined ? (kinds[pair] = priceKindOf(known, pair % 256)) : kinds[pair]
      if (kind !== null) add(billed, `price:${kind}`, 1)
    }
    if (piece.length < PIECE) return { facts, billed }
  }
}

/** How many recipients have each ledger byte, and each set of facts, as what the counters must say. */
function countsOf(states: Uint32Array, facts: Uint32Array): Map<string, number> {
  const counts = new Map<string, number>([['recipients', 0], ...DISPOSITIONS.map((name) => [name, 0] as const)])
  for (const [byte, number] of states.entries()) {
    const disposition = dispositionOf(byte)
    if (disposition === null) continue
    add(counts, disposition, number)
    add(counts, 'recipients', number)
  }
  for (const field of Object.values(VIEW_FIELDS)) counts.set(field, 0)
  for (const [byte, number] of facts.entries()) {
    const view = viewOf(byte)
    for (const name of Object.keys(VIEW_FIELDS) as (keyof DeliveryView)[])
      add(counts, VIEW_FIELDS[name], view[name] * number)
  }
  return counts
}

function tally(bytes: Uint8Array, byByte: Uint32Array = new Uint32Array(256)): Uint32Array {
  for (const byte of bytes) byByte[byte] = (byByte[byte] ?? 0) + 1
  return byByte
}

function add(counts: Map<string, number>, field: string, by: number): void {
  counts.set(field, (counts.get(field) ?? 0) + by)
}
