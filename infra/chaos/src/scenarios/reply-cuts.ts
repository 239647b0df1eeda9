import { recount } from '@chasqui/store'
import { setTimeout as sleep } from 'node:timers/promises'

import { seededRandom } from '../random.ts'
import { atRest, judgeCampaign } from '../rest.ts'
import type { Result, Run, Scenario } from '../scenario.ts'
import { people, SENDER, Stage } from '../stage.ts'
import { ROUGH } from './kill-storm.ts'

/** Answers of Redis that break off at a random byte: what was asked has been done, and is asked again. */
async function run({ seed, short, say }: Run): Promise<Result> {
  const random = seededRandom(seed)
  const [recipients, cuts] = short ? [1_500, 60] : [20_000, 5_000]
  const numbers = people(recipients)
  const stage = await Stage.set({
    seed,
    messagesPerSecond: short ? 200 : 150,
    workers: short ? 4 : 14,
    proxies: true,
    simulator: ROUGH,
  })
  try {
    const campaign = await stage.upstream.run(`cuts-${seed}`, numbers, { sender: SENDER, onUnknown: 'keep' })
    let done = 0
    let miscounts = 0
    const cutOne = async (index: number): Promise<void> => {
      const proxy = stage.proxies[index]
      if (proxy === undefined) return
      while (done < cuts) {
        // Evenly over the orders of magnitude: some cut the first answer, some let a claim and its settlements through.
        proxy.cutAfterResponseBytes(Math.ceil(10 ** (random() * 4.3)))
        const before = proxy.connections
        await sleep(200 + random() * 400)
        if (before === 0) continue
        done += 1
      }
    }
    const cutting = Promise.all(stage.proxies.map(async (_, index) => await cutOne(index)))
    // Law 1 holds at every instant, not only at the end.
    const counting = new AbortController()
    const watching = (async (): Promise<void> => {
      for (; !counting.signal.aborted; await sleep(500))
        miscounts += (await recount(stage.client, stage.keys, campaign)).length
    })()
    await cutting
    counting.abort()
    await watching
    for (const proxy of stage.proxies) proxy.heal()
    say(`after ${done} cuts: ${JSON.stringify(await stage.counts(campaign))}`)
    await atRest(stage, [campaign], 300_000)
    const { violations, figures } = await judgeCampaign(stage, campaign, numbers)
    const ended = stage.members.reduce((sum, member) => sum + member.endedByItself, 0)
    return {
      figures: { ...figures, cuts: done, miscounts, endedByThemselves: ended },
      violations: [
        ...violations,
        ...(miscounts > 0 ? [`${miscounts} counters differed from a recount meanwhile`] : []),
      ],
    }
  } finally {
    await stage.clear()
  }
}

export const replyCuts: Scenario = {
  name: 'reply-cuts',
  shows: 'Redis’ answers cut at random bytes, commands sent again: every recount agrees, nobody twice',
  run,
}
