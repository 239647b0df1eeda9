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
      await stage.client.config('SET', 'maxmemory', '1mb')
      return async () => void (await stage.client.config('SET', 'maxmemory', '0'))
    },
  },
  {
    name: 'read-only',
    stopsAll: true,
    begin: async (stage) => {
      await stage.client.call('REPLICAOF', '127.0.0.1', '1')
      return async () => void (await stage.client.call('REPLICAOF', 'NO', 'ONE'))
    },
  },
  {
    name: 'down',
    stopsAll: true,
    begin: async (stage) => {
      await stage.redis.kill()
      return async () => await stage.redis.restart()
    },
  },
]

/** Published: sending goes on this soon after Redis is back, ms. */
const RESUME_MS = 15_000

async function run({ seed, short, say }: Run): Promise<Result> {
  const lastsMs = short ? 3_000 : 60_000
  const numbers = people(short ? 6_000 : 60_000)
  const stage = await Stage.set({ seed, messagesPerSecond: short ? 150 : 100, workers: 2, proxies: true })
  try {
    const campaign = await stage.upstream.run(`away-${seed}`, numbers, { sender: SENDER, onUnknown: 'keep' })
    const figures: Record<string, number> = {}
    const violations: string[] = []
    for (const { name, begin, stopsAll } of TROUBLES) {
      await sending(stage, RESUME_MS)
      const end = await begin(stage)
      await sleep(lastsMs / 2)
      const middle = await received(stage)
      await sleep(lastsMs / 2)
      const sentMeanwhile = (await received(stage)) - middle
      if (stopsAll && sentMeanwhile > 0) violations.push(`${name}: ${sentMeanwhile} requests without a ledger`)
      if (!stopsAll && sentMeanwhile === 0) violations.push(`${name}: nothing was sent`)
      await end()
      const resumedMs = await sending(stage, 60_000)
      figures[`resumed after ${name}, ms`] = resumedMs
      if (resumedMs > RESUME_MS) violations.push(`${name}: sending went on after ${resumedMs} ms only`)
      say(`${name}: sent ${sentMeanwhile} meanwhile, went on after ${resumedMs} ms`)
    }
    await stage.upstream.order(campaign, 'cancel')
    await atRest(stage, campaign, 120_000)
    const verdict = await judgeCampaign(stage, campaign, numbers)
    return { figures: { ...verdict.figures, ...figures }, violations: [...violations, ...verdict.violations] }
  } finally {
    await stage.clear()
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
    'Redis black-holed, slow, out of memory, read-only, down: nothing is sent without the ledger, and all goes on by itself',
  long: true,
  alone: true,
  run,
}
