/**
 * Ways for an answer to get lost, and whether the message went out all the same. The sender cannot tell the two
 * apart; only this process knows, and its ledger says so.
 */
export const LOST = {
  /** Processed, then the connection is reset in place of an answer. */
  reset: { processed: true },
  /** Processed, then silence until `hangMs`, then a reset. */
  hang: { processed: true },
  /** Processed; a 200 that announces more bytes than come, then a reset. */
  truncated: { processed: true },
  /** Processed; a 200 whose body is no JSON. */
  unreadable: { processed: true },
  /** Processed; a gateway's 502 page without a Graph body. */
  bare_5xx: { processed: true },
  /** Processed; HTTP 500 with Graph code 131000 "Something went wrong", which promises nothing either way. */
  graph_500: { processed: true },
  reset_unprocessed: { processed: false },
  hang_unprocessed: { processed: false },
  bare_5xx_unprocessed: { processed: false },
} as const satisfies Record<string, { readonly processed: boolean }>

export type Lost = keyof typeof LOST

export const LOST_KINDS = Object.keys(LOST) as readonly Lost[] as readonly [Lost, ...Lost[]]
