import { between, seededRandom } from '../random.ts'
import type { Random } from '../random.ts'
import { atRest, judgeCampaign } from '../rest.ts'
import type { Result, Run, Scenario } from '../scenario.ts'
import { people, SENDER, Stage } from '../stage.ts'
import type { OnPiece } from '../upstream.ts'

/** So many of the kills after the first take Redis instead of the producer; an upload may outlast that. */
const REDIS_SHARE = 0.25

type Kills = { producer: number; redis: number }

/** Kills in the middle of each try of an upload, also when all is handed over and not yet answered, until its kills are used up. */
function killing(stage: Stage, random: Random, kills: number, killed: Kills): OnPiece {
  let left = kills
  let at: number | null = null
  return async (piece, pieces) => {
    if (piece === 0) at = left > 0 ? between(random, 0, pieces - 1) : null
    if (piece !== at) return
    const isFirst = left === kills
    left -= 1
    if (!isFirst && random() < REDIS_SHARE) {
      killed.redis += 1
      await stage.killRedis(between(random, 0, 500))
    } else {
      killed.producer += 1
      stage.producer.kill()
    }
  }
}

/** The producer dies in the middle of uploads; who uploads begins again from the first row, and everybody is there once. */
async function run({ seed, short, say }: Run): Promise<Result> {
  const random = seededRandom(seed)
  const [campaigns, each, kills] = short ? [2, 4_000, 2] : [10, 4_000, 4]
  const stage = await Stage.set({ seed, messagesPerSecond: 900, workers: 2 })
  try {
    const killed: Kills = { producer: 0, redis: 0 }
    const running: { readonly id: string; readonly numbers: string[] }[] = []
    for (let index = 0; index < campaigns; index++) {
      const numbers = people(each, index * each)
      const spec = { sender: SENDER, onUnknown: 'keep' } as const
      const id = await stage.upstream.prepare(`upload-${index}`, numbers, spec, killing(stage, random, kills, killed))
      // Nobody heard the answer of this one: a full upload comes once more.
      if (random() < 0.5) await stage.upstream.prepare(`upload-${index}`, numbers, spec)
      await stage.upstream.order(id, 'launch')
      running.push({ id, numbers })
    }
    say(`killed in the middle of uploads: producer ${killed.producer} times, Redis ${killed.redis} times`)
    const violations: string[] = []
    const sum = { recipients: 0, accepted: 0, unknown: 0, twice: 0, lost: 0 }
    await atRest(
      stage,
      running.map(({ id }) => id),
      400_000,
    )
    for (const { id, numbers } of running) {
      const verdict = await judgeCampaign(stage, id, numbers)
      violations.push(...verdict.violations.map((violation) => `${id}: ${violation}`))
      for (const field of ['recipients', 'accepted', 'unknown', 'twice', 'lost'] as const)
        sum[field] += verdict.figures[field]
    }
    if (killed.producer < campaigns)
      violations.push(`the producer died in ${killed.producer} of ${campaigns} uploads: nothing is shown`)
    return { figures: { ...sum, producerKills: killed.producer, redisKills: killed.redis }, violations }
  } finally {
    await stage.clear()
  }
}

export const uploadKills: Scenario = {
  name: 'upload-kills',
  shows: 'kill -9 of the producer and of Redis in the middle of uploads that are then repeated: everybody once',
  long: true,
  run,
}
