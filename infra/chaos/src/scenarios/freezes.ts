import { setTimeout as sleep } from 'node:timers/promises'

import { between, pick, seededRandom } from '../random.ts'
import { atRest, judgeCampaign } from '../rest.ts'
import type { Result, Run, Scenario } from '../scenario.ts'
import { people, SENDER, Stage } from '../stage.ts'
import { ROUGH } from './kill-storm.ts'

/** The lock of a visit, as packages/queue has it, ms. */
const LOCK_MS = 15_000

/** Whole processes stopped for 1 to 3 locks: others take their visits over, then they wake up and go on. */
async function runStops({ seed, short, say }: Run): Promise<Result> {
  const random = seededRandom(seed)
  const [recipients, stops, workers] = short ? [3_000, 4, 4] : [20_000, 100, 21]
  const numbers = people(recipients)
  const stage = await Stage.set({ seed, messagesPerSecond: short ? 150 : 120, workers, simulator: ROUGH })
  try {
    const options = { sender: SENDER, onUnknown: 'resend' } as const
    const campaign = await stage.upstream.run(`stops-${seed}`, numbers, options)
    let done = 0
    const stopOne = async (index: number): Promise<void> => {
      const worker = stage.workers[index]
      if (worker === undefined) return
      while (done < stops) {
        done += 1
        await sleep(between(random, 100, 2_000))
        worker.freeze()
        // The short form cannot wait for locks; leases and the fence are shorter, too.
        await sleep(short ? between(random, 3_000, 9_000) : between(random, LOCK_MS, 3 * LOCK_MS))
        worker.thaw()
        await sleep(between(random, 500, 3_000))
      }
    }
    // One always stays awake, so that somebody takes over.
    await Promise.all(stage.workers.slice(1).map(async (_, index) => await stopOne(index + 1)))
    say(`after ${done} stops: ${JSON.stringify(await stage.counts(campaign))}`)
    await atRest(stage, [campaign], 400_000)
    const { violations, figures } = await judgeCampaign(stage, campaign, numbers)
    return { figures: { ...figures, stops: done }, violations }
  } finally {
    await stage.clear()
  }
}

/** Event loops blocked for longer than a claim may age and than a lease lasts, right where it hurts. */
async function runFrozenLoops({ seed, short, say }: Run): Promise<Result> {
  const [recipients, freezes, workers] = short ? [1_500, 6, 3] : [10_000, 60, 4]
  const numbers = people(recipients)
  const random = seededRandom(seed)
  const freezing = { share: short ? 0.01 : 0.006, leastMs: 1_500, mostMs: 12_000, most: freezes / workers }
  const stage = await Stage.set({
    seed,
    messagesPerSecond: 300,
    workers,
    simulator: ROUGH,
    workerEnv: {
      NODE_OPTIONS: `--import=${new URL('../preload/freeze.ts', import.meta.url).href}`,
      CHAOS_FREEZE: JSON.stringify(freezing),
    },
  })
  try {
    const onUnknown = pick(random, ['keep', 'resend'] as const)
    const campaign = await stage.upstream.run(`frozen-${seed}`, numbers, { sender: SENDER, onUnknown })
    await atRest(stage, [campaign], 400_000)
    const frozen = stage.workers.reduce(
      (sum, { lines }) => sum + lines.filter((line) => line.includes('"msg":"frozen"')).length,
      0,
    )
    say(`event loops were frozen ${frozen} times under ${onUnknown}`)
    const { violations, figures } = await judgeCampaign(stage, campaign, numbers)
    const idle = frozen === 0 ? ['no event loop was frozen: nothing is shown'] : []
    return { figures: { ...figures, frozen }, violations: [...violations, ...idle] }
  } finally {
    await stage.clear()
  }
}

export const stoppedProcesses: Scenario = {
  name: 'stopped-processes',
  shows: 'send-workers stopped by SIGSTOP for 1 to 3 locks, under resend: nobody twice',
  long: true,
  run: runStops,
}

export const frozenLoops: Scenario = {
  name: 'frozen-loops',
  shows: 'event loops frozen between claim and request, and between a claim and its answer: nobody twice',
  long: true,
  run: runFrozenLoops,
}
