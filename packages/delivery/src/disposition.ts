/**
 * Where a recipient's message stands, as upstream sees it (contract.md, `counts`).
 * Every recipient of a campaign is in exactly one of these at every instant.
 */
export const DISPOSITIONS = [
  'pending',
  'sending',
  'accepted',
  'unknown',
  'rejected',
  'expired',
  'suppressed',
  'canceled',
] as const

export type Disposition = (typeof DISPOSITIONS)[number]

/**
 * The state half of a recipient's ledger byte (low four bits). Numbers are stored in Redis and append-only:
 * a number, once given, keeps its meaning for ever, so that an old worker never misreads a new ledger.
 */
export const STATE = {
  /** No recipient lives at this ordinal: a duplicate's hole, or past the end of a short chunk. */
  absent: 0,
  /** Not yet tried, free to be claimed. */
  pending: 1,
  /** Waiting for a retry that is not due yet; its time is in the campaign's `retries`. */
  waiting: 2,
  /** Claimed under a token and a lease; its POST may be on the wire. */
  sending: 3,
  /** The answer was lost; a status, the window's end or an operator will settle it. */
  unknown: 4,
  accepted: 5,
  rejected: 6,
  expired: 7,
  suppressed: 8,
  canceled: 9,
} as const

export type StateName = keyof typeof STATE
export type StateCode = (typeof STATE)[StateName]

const DISPOSITION_OF: readonly (Disposition | null)[] = [
  null,
  'pending',
  'pending',
  'sending',
  'unknown',
  'accepted',
  'rejected',
  'expired',
  'suppressed',
  'canceled',
]

/** Attempts fit in the ledger byte's high four bits. */
export const ATTEMPTS_MAX = 15

/** One ledger byte: `state + attempts * 16`, where attempts counts the POSTs that may have reached the endpoint. */
export function ledgerByte(state: StateCode, attempts: number): number {
  return state + attempts * 16
}

export function stateOf(byte: number): number {
  return byte % 16
}

export function attemptsOf(byte: number): number {
  return Math.floor(byte / 16)
}

/** The disposition a ledger byte stands for; `null` where no recipient lives. */
export function dispositionOf(byte: number): Disposition | null {
  return DISPOSITION_OF[stateOf(byte)] ?? null
}
