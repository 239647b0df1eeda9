import { setTimeout as sleep } from 'node:timers/promises'

import { atRest, judgeCampaign, until } from '../rest.ts'
import type { Result, Run, Scenario } from '../scenario.ts'
import { people, SENDER, Stage } from '../stage.ts'

type Trouble = {
  readonly name: string
  /** Begins it; the function it resolves with ends it. */
  readonly begin: (stage: Stage) => Promise<() => Promise<void>>
  /** Nothing can be claimed while it lasts. */
  readonly stopsAll: boolean
}

const configure = async (stage: Stage, name: string, value: string): Promise<void> =>
  void (await stage.client.config('SET', name, value))

const DOWN: Trouble = {
  name: 'down',
  stopsAll: true,
  begin: async (stage) => {
    await stage.redis.kill()
    return async () => await stage.redis.restart()
  },
}

const TROUBLES: readonly Trouble[] = [
  {
    name: 'black hole',
    stopsAll: true,
    begin: async (stage) => {
      for (const proxy of stage.proxies) proxy.blackHole()
      return async () => {
        for (const proxy of stage.proxies) proxy.heal()
      }
    },
  },
  {
    name: 'slow',
    stopsAll: false,
    begin: async (stage) => {
      for (const proxy of stage.proxies) proxy.delay(60)
      return async () => {
        for (const proxy of stage.proxies) proxy.heal()
      }
    },
  },
  {
    name: 'out of memory',
    stopsAll: true,
    begin: async (stage) => {
      await configure(stage, 'maxmemory', '1mb')
      return async () => await configure(stage, 'maxmemory', '0')
    },
  },
  {
    name: 'a replica',
    stopsAll: true,
    begin: async (stage) => {
      await stage.client.call('REPLICAOF', '127.0.0.1', '1')
      return async () => void (await stage.client.call('REPLICAOF', 'NO', 'ONE'))
    },
  },
  {
    name: 'without its replicas',
    stopsAll: true,
    begin: async (stage) => {
      await configure(stage, 'min-replicas-to-write', '1')
      return async () => await configure(stage, 'min-replicas-to-write', '0')
    },
  },
  DOWN,
]

/** Published: sending goes on this soon after Redis is back, ms. */
const RESUME_MS = 15_000
/** What was written before the trouble began may arrive this much later, ms. */
const ON_THE_WIRE_MS = 1_000

async function run({ seed, short, say }: Run): Promise<Result> {
  const [lastsMs, downMs] = short ? [3_000, 10_000] : [10_000, 60_000]
  const numbers = people(short ? 6_000 : 30_000)
  const stage = await Stage.set({ seed, messagesPerSecond: 150, workers: 2, proxies: true })
  const liveness = watchLiveness(stage)
  try {
    const campaign = await stage.upstream.run(`away-${seed}`, numbers, { sender: SENDER, onUnknown: 'keep' })
    const figures: Record<string, number> = {}
    const violations: string[] = []
    for (const trouble of TROUBLES) {
      const { name, stopsAll } = trouble
      await sending(stage, 60_000)
      const end = await trouble.begin(stage)
      await sleep(ON_THE_WIRE_MS)
      const before = await received(stage)
      await sleep((trouble === DOWN ? downMs : lastsMs) - ON_THE_WIRE_MS)
      const meanwhile = (await received(stage)) - before
      if (stopsAll && meanwhile > 0) violations.push(`${name}: ${meanwhile} requests without a ledger`)
      if (!stopsAll && meanwhile === 0) violations.push(`${name}: nothing was sent`)
      await end()
      const resumedMs = await sending(stage, 60_000)
      figures[`resumed after ${name}, ms`] = resumedMs
      if (resumedMs > RESUME_MS) violations.push(`${name}: sending went on after ${resumedMs} ms only`)
      say(`${name}: sent ${meanwhile} meanwhile, went on after ${resumedMs} ms`)
    }
    await stage.upstream.order(campaign, 'cancel')
    await atRest(stage, [campaign], 120_000)
    const verdict = await judgeCampaign(stage, campaign, numbers)
    const { asked, dead } = await liveness.end()
    if (dead > 0) violations.push(`/livez failed ${dead} times of ${asked}`)
    return {
      figures: { ...verdict.figures, ...figures, livezAsked: asked, livezFailed: dead },
      violations: [...violations, ...verdict.violations],
    }
  } finally {
    await liveness.end()
    await stage.clear()
  }
}

/** Asks each worker again and again whether it is alive, as an orchestrator that would end it if not. */
function watchLiveness(stage: Stage): { readonly end: () => Promise<{ asked: number; dead: number }> } {
  const watching = new AbortController()
  const seen = { asked: 0, dead: 0 }
  const watched = (async (): Promise<void> => {
    for (; !watching.signal.aborted; await sleep(500)) {
      const live = await Promise.all(stage.workers.map(async (worker) => await worker.isLive()))
      seen.asked += live.length
      seen.dead += live.filter((is) => !is).length
    }
  })()
  return {
    end: async () => {
      watching.abort()
      await watched
      return seen
    },
  }
}

async function received({ witness }: Stage): Promise<number> {
  return (await witness.summary()).requests.received
}

/** Waits for new requests at the endpoint; how long that took, ms. */
async function sending(stage: Stage, patienceMs: number): Promise<number> {
  const began = performance.now()
  const before = await received(stage)
  await until(
    'the next request',
    patienceMs,
    async () => await received(stage),
    (now) => now > before,
  )
  return Math.round(performance.now() - began)
}

export const redisAway: Scenario = {
  name: 'redis-away',
  shows:
    'Redis black-holed, slow, out of memory, read-only, without replicas, down: nothing is sent without the ledger, all goes on by itself, /livez never fails',
  long: true,
  alone: true,
  run,
}
