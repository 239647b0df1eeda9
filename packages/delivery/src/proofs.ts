import { ATTEMPTS_MAX, attemptsOf, STATE, stateOf } from './disposition.ts'

/**
 * Which attempts at one recipient are proven to have reached the endpoint: a bit an attempt. Two of them mean that the
 * person got two messages. Nearly everybody has one attempt, so only those are written down whose ledger byte does not
 * say it already: an accepted recipient that has no entry was accepted at the attempt its byte names.
 */
export type Proofs = Map<number, number>

/** Attempts count from 1, and the ledger byte knows fifteen. */
export function attemptBit(attempt: number): number {
  return 1 << Math.max(1, Math.min(ATTEMPTS_MAX, attempt))
}

/** The latest attempt among these bits; 0: none. */
export function latestAttempt(bits: number): number {
  return bits === 0 ? 0 : 31 - Math.clz32(bits)
}

/**
 * Attempts of a recipient are proven: the same as fold-facts.lua does. Idempotent, and any order gives the same.
 *
 * @param before the ledger byte before these proofs. @param after the byte after them.
 * @returns true when by this, and not before, two attempts are proven.
 */
export function noteAttempts(proofs: Proofs, ordinal: number, before: number, after: number, bits: number): boolean {
  const known = stateOf(before) === STATE.accepted ? (proofs.get(ordinal) ?? impliedBy(before)) : 0
  const union = known | bits
  if (union !== impliedBy(after)) proofs.set(ordinal, union)
  return !isTwo(known) && isTwo(union)
}

function impliedBy(byte: number): number {
  const attempts = attemptsOf(byte)
  return attempts === 0 ? 0 : 1 << attempts
}

function isTwo(bits: number): boolean {
  return (bits & (bits - 1)) !== 0
}
