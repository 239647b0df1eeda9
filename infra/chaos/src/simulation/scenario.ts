import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

import type { Result, Run, Scenario } from '../scenario.ts'
import type { Batch, BatchResult } from './batch.ts'

const HISTORIES = 100_000
const HISTORIES_SHORT = 5_000

/** All histories from the seed on, on all cores. A seed that fails is run again by `--seed N --only simulation`. */
async function run({ seed, short, say }: Run): Promise<Result> {
  const histories = short ? HISTORIES_SHORT : HISTORIES
  const threads = Math.min(availableParallelism(), 8)
  const each = Math.ceil(histories / threads)
  const batches = Array.from({ length: threads }, (_, index): Batch => ({
    from: seed + index * each,
    count: Math.min(each, histories - index * each),
  }))
  const results = await Promise.all(batches.map(async (batch) => await inThread(batch)))
  const sum = (field: keyof BatchResult['tally']): number =>
    results.reduce((total, { tally }) => total + tally[field], 0)
  const violations = results.flatMap((result) => result.violations)
  say(`${histories} histories from seed ${seed} on, ${sum('posts')} messages, ${sum('faults')} faults`)
  return {
    figures: { histories, steps: sum('steps'), claims: sum('claims'), messages: sum('posts'), faults: sum('faults') },
    violations,
  }
}

async function inThread(batch: Batch): Promise<BatchResult> {
  return await new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./batch.ts', import.meta.url), { workerData: batch })
    thread.once('message', resolve)
    thread.once('error', reject)
  })
}

export const simulation: Scenario = {
  name: 'simulation',
  shows: 'the core in virtual time: crashes, freezes, replays, reordering, all laws after every step',
  long: true,
  alone: true,
  run,
}
