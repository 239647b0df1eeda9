import { FACT, STATE, stateOf } from '@chasqui/delivery'

/** Which ordinals of a ledger hold an accepted recipient. */
export function acceptedOrdinals(states: Uint8Array): number[] {
  const ordinals: number[] = []
  for (const [ordinal, byte] of states.entries()) if (stateOf(byte) === STATE.accepted) ordinals.push(ordinal)
  return ordinals
}

const LIFE_BITS = FACT.sent | FACT.delivered | FACT.read

/**
 * How many events have been folded into a campaign's facts, when each of `sent`, `delivered` and `read` comes once a
 * recipient: the bits that are set. It does not matter in which order they came.
 */
export function countFolded(facts: Uint8Array): number {
  let folded = 0
  for (const byte of facts) folded += BITS[byte & LIFE_BITS] ?? 0
  return folded
}

const BITS = Uint8Array.from({ length: LIFE_BITS + 1 }, (_, byte) => byte.toString(2).replaceAll('0', '').length)
