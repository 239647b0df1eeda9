import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { Heart } from '@chasqui/store'

import { atRest, until } from '../rest.ts'
import type { Result, Run, Scenario } from '../scenario.ts'
import { people, SENDER, Stage } from '../stage.ts'

/** Workers notice with their next beat, which takes its time on a busy machine. */
const OBSERVED_MS = 8_000

/** Redis is started with the file of some seconds ago: the ledger has forgotten people who were sent to. */
async function run({ seed, short, say }: Run): Promise<Result> {
  const numbers = people(2_000)
  const stage = await Stage.set({ seed, messagesPerSecond: 100, workers: 2 })
  const sent = async (): Promise<number> => (await stage.witness.summary()).requests.received
  try {
    const campaign = await stage.upstream.run(`rollback-${seed}`, numbers, { sender: SENDER, onUnknown: 'keep' })
    await until('the first hundred', 60_000, sent, (requests) => requests > 100)
    const file = join(stage.redis.dir, 'appendonlydir')
    const older = join(stage.redis.dir, 'older')
    await cp(file, older, { recursive: true })
    await sleep(short ? 2_000 : 5_000)
    await stage.redis.kill()
    const forgotten = (await sent()) - 100
    await rm(file, { recursive: true })
    await cp(older, file, { recursive: true })
    await stage.redis.restart()
    await sleep(2_000)
    const before = await sent()
    await sleep(OBSERVED_MS)
    const sentBackwards = (await sent()) - before
    const { quarantine } = await stage.client.hgetall(stage.keys.heart())
    say(`${forgotten} or so forgotten; quarantine: ${quarantine ?? 'none'}`)
    const { doubled } = (await stage.witness.summary(campaign)).recipients
    await stage.upstream.order(campaign, 'cancel')
    await new Heart(stage.client, stage.keys, 'chaos').release('end of the drill', 'chaos')
    await atRest(stage, [campaign], 120_000)
    return {
      figures: { recipients: numbers.length, forgotten, sentBackwards, twice: doubled },
      violations: [
        ...(quarantine === undefined ? ['nobody noticed that Redis had gone backwards'] : []),
        ...(sentBackwards > 0 ? [`${sentBackwards} requests from a ledger gone backwards`] : []),
        ...(doubled > 0 ? [`${doubled} were sent to twice`] : []),
      ],
    }
  } finally {
    await stage.clear()
  }
}

export const rollback: Scenario = {
  name: 'rollback',
  shows: 'Redis restarted from an older file: it is noticed, and nothing is sent until somebody releases it',
  long: true,
  run,
}
