import { setTimeout as sleep } from 'node:timers/promises'
import { ratePerSecond, type Reading } from '../statistics.ts'

const LOOK_EVERY_MS = 100
/** The first part of the events goes by while V8 compiles. */
const WARM_UP_SHARE = 0.2
const STANDSTILL_MS = 15_000

/**
 * Watches a counter from its start to its end and tells its pace after the warm-up. The last stretch, in which the last
 * look comes too late by up to its interval, is part of it: the figure errs to the slow side.
 */
export async function measureToEnd(end: number, read: () => Promise<number>): Promise<number> {
  let from: Reading | null = null
  let last: Reading = { atMs: performance.now(), count: 0 }
  for (;;) {
    const count = await read()
    const now = performance.now()
    if (count >= end * WARM_UP_SHARE) from ??= { atMs: now, count }
    if (count >= end) break
    if (count > last.count) last = { atMs: now, count }
    else if (now - last.atMs > STANDSTILL_MS) throw new Error(`nothing moved for 15 s at ${count} of ${end}`)
    await sleep(LOOK_EVERY_MS)
  }
  const to = { atMs: performance.now(), count: end }
  if (from === null || from.count === end) throw new Error('all was over within one look: too few events')
  return ratePerSecond(from, to)
}
