import { Departures } from '@chasqui/harness'

import { seededRandom } from '../random.ts'
import { clockOffBy } from '../faketime.ts'
import { atRest, judgeCampaign } from '../rest.ts'
import type { Result, Run, Scenario } from '../scenario.ts'
import { people, SENDER, Stage } from '../stage.ts'

const HOUR_SECONDS = 3_600

/** Many campaigns, each with a last moment of its own, at an endpoint that takes less than the sender believes. */
async function run({ seed, short, say }: Run): Promise<Result> {
  const random = seededRandom(seed)
  const [campaigns, each, spanMs] = short ? [8, 250, 12_000] : [200, 500, 100_000]
  const [ahead, behind] = await Promise.all([clockOffBy(HOUR_SECONDS), clockOffBy(-HOUR_SECONDS)])
  if (ahead === null || behind === null) return { figures: {}, violations: ['no libfaketime is to be had here'] }
  await using written = await Departures.begin()
  const stage = await Stage.set({
    seed,
    messagesPerSecond: 900,
    endpointPerSecond: 300,
    workers: 3,
    simulator: { answers: { latencyP50Ms: 20, latencyP95Ms: 200, latencyMaxMs: 1_000 } },
    workerEnv: written.env,
    envOf: (index) => (index === 1 ? ahead : index === 2 ? behind : {}),
  })
  try {
    const running: { readonly id: string; readonly numbers: string[] }[] = []
    for (let index = 0; index < campaigns; index++) {
      const numbers = people(each, index * each)
      const sendBy = new Date(Date.now() + 2_500 + random() * spanMs).toISOString()
      const id = await stage.upstream.run(`deadline-${index}`, numbers, { sender: SENDER, onUnknown: 'keep', sendBy })
      running.push({ id, numbers })
    }
    const violations: string[] = []
    const sum = { recipients: 0, accepted: 0, unknown: 0, twice: 0, lost: 0, late: 0, expired: 0 }
    await atRest(
      stage,
      running.map(({ id }) => id),
      spanMs + 120_000,
    )
    const departures = await written.read()
    for (const { id, numbers } of running) {
      const verdict = await judgeCampaign(stage, id, numbers, departures)
      violations.push(...verdict.violations.map((violation) => `${id}: ${violation}`))
      sum.expired += (await stage.counts(id))['expired'] ?? 0
      for (const field of ['recipients', 'accepted', 'unknown', 'twice', 'lost', 'late'] as const)
        sum[field] += verdict.figures[field]
    }
    const { rate } = await stage.witness.summary()
    const throttled = Object.values(rate)[0]?.throttled ?? 0
    say(`${throttled} requests were throttled`)
    if (throttled === 0) violations.push('nothing was throttled: there was no storm')
    if (sum.expired === 0 || sum.accepted === 0) violations.push('all or nothing expired: the deadlines showed nothing')
    return { figures: { ...sum, throttled }, violations }
  } finally {
    await stage.clear()
  }
}

export const deadlines: Scenario = {
  name: 'deadlines',
  shows: 'random deadlines under a 130429 storm, one worker’s clock an hour ahead, one’s an hour behind: nobody late',
  long: true,
  run,
}
