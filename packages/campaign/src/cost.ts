import { priceOf } from './rate-card.ts'
import type { RateCard } from './rate-card.ts'

/** Messages that Meta bills alike. */
export type Billed = {
  /** Meta's pricing category; `free`: it costs nothing. */
  readonly kind: string
  /** ISO 3166; `ZZ`: not known. */
  readonly country: string
  readonly messages: number
}

/** What a campaign costs. Amounts are decimal numbers as text, exact. */
export type Cost = {
  /** `null`: there is no rate card. */
  readonly currency: string | null
  /** Of the messages that have a price; `null`: there is no rate card. */
  readonly amount: string | null
  /** Delivered messages that Meta bills. */
  readonly billable: number
  /** Of them: the rate card has no price for them, or there is none. */
  readonly unpriced: number
  /** Delivered messages that Meta says are free. */
  readonly free: number
  /** Delivered messages whose pricing nobody has told yet. */
  readonly untold: number
  /** The billable ones, by category and country, the most first. */
  readonly items: readonly CostItem[]
}

export type CostItem = {
  readonly category: string
  readonly country: string
  readonly messages: number
  /** Of one message; `null`: no price. */
  readonly price: string | null
  readonly amount: string | null
}

/**
 * What messages cost: exact arithmetic in millionths, and nothing invented where the card has no price.
 *
 * @param delivered messages known to be delivered. @param at the moment whose prices hold, ms since 1970.
 */
export function costOf(card: RateCard | null, billed: readonly Billed[], delivered: number, at: number): Cost {
  const paid = billed.filter(({ kind }) => kind !== 'free').toSorted((left, right) => right.messages - left.messages)
  const priced = paid.map((one) => ({
    ...one,
    micros: card === null ? null : priceOf(card, one.country, one.kind, at),
  }))
  const billable = sum(paid)
  const told = sum(billed)
  const total = priced.reduce((all, { micros, messages }) => all + (micros ?? 0n) * BigInt(messages), 0n)
  return {
    currency: card?.currency ?? null,
    amount: card === null ? null : formatMicros(total),
    billable,
    unpriced: sum(priced.filter(({ micros }) => micros === null)),
    free: told - billable,
    untold: Math.max(0, delivered - told),
    items: priced.map(({ kind, country, messages, micros }) => ({
      category: kind,
      country,
      messages,
      price: micros === null ? null : formatMicros(micros),
      amount: micros === null ? null : formatMicros(micros * BigInt(messages)),
    })),
  }
}

function sum(billed: readonly Billed[]): number {
  return billed.reduce((all, { messages }) => all + messages, 0)
}

/** Millionths as decimal text, with two decimals at least. */
function formatMicros(micros: bigint): string {
  const decimals = String(micros % 1_000_000n).padStart(6, '0')
  return `${micros / 1_000_000n}.${decimals.replace(/0{1,4}$/, '')}`
}
