/**
 * Chance without state: every draw is a pure function of the seed, a recipient, what is being decided and (where it
 * matters) which attempt it is. So the same seed gives the same fate to the same recipient, whatever the order of
 * requests, their number, or what else was drawn in between. A stateful generator could not promise that.
 */

/** What a draw decides. Numbers are part of "same seed, same fate": append, never renumber. */
export const DRAW = {
  rejected: 1,
  rejectedCode: 2,
  stumbles: 3,
  stumbleCode: 4,
  lost: 5,
  lostHow: 6,
  latency: 7,
  held: 9,
  heldDropped: 10,
  failed: 11,
  failedCode: 12,
  sentBeforeFailed: 13,
  deliveredAlthoughFailed: 14,
  delivered: 15,
  read: 16,
  readWithoutDelivered: 17,
  fellBack: 18,
  early: 19,
  shuffled: 20,
  conversation: 21,
  pricing: 22,
  stringCode: 23,
  recipientId: 24,
  callbackData: 25,
  oddStatus: 26,
  oddWord: 27,
  outage: 28,
  /** One for each kind of status, from here on. */
  statusLost: 32,
  statusDoubled: 40,
  statusDelay: 48,
  statusDoubleDelay: 56,
} as const

/** One drawer of lots: uniform numbers in [0, 1) for one recipient at one attempt. */
export type Lot = (draw: number) => number

/** `phone` is the number's digits as an integer; `attempt` 0 for what does not depend on the attempt. */
export function lotOf(seed: number, phone: number, attempt: number): Lot {
  const person = mix(mix(seed ^ 0x9e3779b9) ^ (phone >>> 0) ^ Math.imul(Math.floor(phone / 2 ** 32), 0x85ebca6b))
  const place = mix(person ^ Math.imul(attempt + 1, 0xc2b2ae35))
  return (draw) => (mix(place ^ Math.imul(draw, 0x27d4eb2f)) >>> 0) / 2 ** 32
}

/** One of several alternatives, each as likely as the others. */
export function pick<T>(alternatives: readonly T[], lot: number): T {
  const picked = alternatives[Math.floor(lot * alternatives.length)]
  if (picked === undefined) throw new RangeError('Nothing to pick from: the alternatives are empty')
  return picked
}

/** Standard deviations between the median and the 95th percentile of a normal distribution. */
const SIGMAS_TO_P95 = 1.6449

/** A lognormal draw by its median and 95th percentile, from two uniform ones (Box-Muller). */
export function lognormal(p50: number, p95: number, first: number, second: number): number {
  if (p50 <= 0) return 0
  const normal = Math.sqrt(-2 * Math.log(1 - first)) * Math.cos(2 * Math.PI * second)
  return p50 * Math.exp((Math.log(Math.max(p95, p50) / p50) / SIGMAS_TO_P95) * normal)
}

/** The 32-bit finaliser of MurmurHash3 (public domain): every input bit reaches every output bit. */
function mix(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
