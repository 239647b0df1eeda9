/** A range of histories in a thread of its own. */
import { parentPort, workerData } from 'node:worker_threads'

import { runHistory } from './history.ts'
import type { History } from './history.ts'

export type Batch = { readonly from: number; readonly count: number }
export type BatchResult = { readonly violations: readonly string[]; readonly tally: History['tally'] }

/** So many are told; the rest are more of the same. */
const TOLD_MAX = 10

const { from, count } = workerData as Batch
const violations: string[] = []
const tally = { steps: 0, claims: 0, posts: 0, faults: 0, rollbacks: 0, blindPosts: 0, quietEnds: 0 }
for (let seed = from; seed < from + count && violations.length < TOLD_MAX; seed++) {
  const history = runHistory(seed)
  if (history.violation !== null) violations.push(`seed ${seed}: ${history.violation.message}`)
  for (const field of Object.keys(tally) as (keyof typeof tally)[]) tally[field] += history.tally[field]
}
const result: BatchResult = { violations, tally }
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread's port has no origin
parentPort?.postMessage(result)
