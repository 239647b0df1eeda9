import { spawnApp, startRedis } from '@chasqui/harness'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'

import { PLAIN_CAMPAIGN, PLAIN_QUEUE } from '../control/job.ts'
import type { PlainJob } from '../control/job.ts'
import { Member } from '../member.ts'
import { between, pick, seededRandom } from '../random.ts'
import { until } from '../rest.ts'
import type { Result, Run, Scenario } from '../scenario.ts'
import { people, PHONE_NUMBER_ID } from '../stage.ts'
import { Witness } from '../witness.ts'
import { ROUGH } from './kill-storm.ts'

const TOKEN = 'plain-token'
const ATTEMPTS = 6
const REDIS_KILLS = 0.12

/** The kill storm against a plain BullMQ sender: if it does not send twice here, the storm proves nothing. */
async function run({ seed, short, say }: Run): Promise<Result> {
  const random = seededRandom(seed)
  const [recipients, kills] = short ? [2_000, 5] : [8_000, 40]
  const redis = await startRedis()
  const simulator = spawnApp({
    name: 'simulator',
    env: {
      HOST: '127.0.0.1',
      PORT: '0',
      SIMULATOR_SEED: String(seed),
      SIMULATOR_TOKENS: TOKEN,
      SIMULATOR_NUMBERS: `${PHONE_NUMBER_ID}:10000`,
      SIMULATOR_CONFIG: JSON.stringify({ answers: ROUGH.answers }),
    },
  })
  const endpoint = `http://127.0.0.1:${(await simulator.ready(60_000)).port}`
  const witness = new Witness(endpoint)
  const script = 'infra/chaos/src/control/plain-sender.ts'
  const args = [`${endpoint}/v25.0/${PHONE_NUMBER_ID}/marketing_messages`, redis.url, TOKEN]
  const senders = [1, 2, 3].map(() => new Member({ name: 'plain-sender', script, args, env: {} }))
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null })
  connection.on('error', () => {})
  const queue = new Queue<PlainJob>(PLAIN_QUEUE, { connection })
  queue.on('error', () => {})
  try {
    await queue.addBulk(
      people(recipients).map((to, ordinal) => ({
        name: 'send',
        data: { to, ordinal },
        opts: {
          jobId: `m-${ordinal}`,
          attempts: ATTEMPTS,
          backoff: { type: 'exponential', delay: 200 },
          removeOnComplete: true,
        },
      })),
    )
    await Promise.all(senders.map(async (sender) => await sender.start()))
    for (let kill = 0; kill < kills; kill++) {
      await sleep(between(random, 400, 1_800))
      if (random() < REDIS_KILLS) {
        await redis.kill()
        await redis.restart()
      } else pick(random, senders).kill()
    }
    // Jobs of the dead stall for half a minute; the short form has seen enough when it has seen one doubled.
    if (short)
      await until(
        'somebody who is sent to twice',
        90_000,
        async () => (await witness.summary(PLAIN_CAMPAIGN)).recipients.doubled,
        (doubled) => doubled > 0,
      )
    else
      await until(
        'the end of the plain queue',
        300_000,
        async () => await left(queue),
        (jobs) => jobs === 0,
      )
    const { seen, doubled, surplus } = (await witness.summary(PLAIN_CAMPAIGN)).recipients
    const failed = await queue.getJobCountByTypes('failed')
    say(`a plain sender wrote to ${doubled} of ${recipients} people more than once`)
    const harmless = doubled === 0 ? ['the storm does not bite: a plain sender sent nobody twice'] : []
    return { figures: { recipients, seen, doubled, surplus, failed, kills }, violations: harmless }
  } finally {
    await Promise.all(senders.map(async (sender) => await sender.stop()))
    await queue.close()
    connection.disconnect()
    await simulator.stop()
    await redis.stop()
  }
}

async function left(queue: Queue<PlainJob>): Promise<number> {
  return await queue.getJobCountByTypes('wait', 'active', 'delayed', 'prioritized')
}

export const controlGroup: Scenario = {
  name: 'control-group',
  shows: 'the same storm against a plain BullMQ sender: it must send people twice, or the storm proves nothing',
  run,
}
