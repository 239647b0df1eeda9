/** The parts of a campaign that bound when its messages may be handed over. */
export type Deadlines = {
  /** An instant with offset, ISO 8601. */
  readonly sendBy?: string | undefined
  readonly deliverBy?: string | undefined
  readonly templateTtlSeconds?: number | undefined
}

/**
 * The last moment (ms since 1970) at which a message may be handed over: `sendBy`, or `deliverBy` minus the template's
 * TTL when that is earlier, since Meta may deliver a message as late as its TTL allows. `null` when nothing bounds it.
 */
export function notAfterOf(deadlines: Deadlines): number | null {
  const bounds: number[] = []
  if (deadlines.sendBy !== undefined) bounds.push(Date.parse(deadlines.sendBy))
  if (deadlines.deliverBy !== undefined)
    bounds.push(Date.parse(deadlines.deliverBy) - (deadlines.templateTtlSeconds ?? 0) * 1000)
  return bounds.length === 0 ? null : Math.min(...bounds)
}
