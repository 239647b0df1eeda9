/** When messages have outlived their template's TTL, by chunk; what follows from it is in undelivered.ts. */
export type Lapses = {
  /** The template's TTL, ms. */
  readonly ttlMs: number
  /** Recipients a chunk. */
  readonly chunkRows: number
  /** `STRICT`: Meta refuses what it cannot send by the marketing route, so nothing falls back. */
  readonly strict: boolean
  /** Chunk -> when the last of its messages that may have been accepted has outlived its TTL, ms. */
  readonly ends: Map<number, number>
}

/** A claim was made: what it covers may be accepted until its lease ends. */
export function noteClaimed(lapses: Lapses | undefined, chunk: number, leaseEnd: number): void {
  if (lapses === undefined) return
  lapses.ends.set(chunk, Math.max(lapses.ends.get(chunk) ?? 0, leaseEnd + lapses.ttlMs))
}

/** A status has proved a send at `now`, ms: nobody knows when it was accepted, at the latest it was then. */
export function noteProven(lapses: Lapses | undefined, ordinal: number, now: number): void {
  if (lapses === undefined) return
  const chunk = Math.floor(ordinal / lapses.chunkRows)
  if (!lapses.ends.has(chunk)) lapses.ends.set(chunk, now + lapses.ttlMs)
}
