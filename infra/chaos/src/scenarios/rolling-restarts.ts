import { setTimeout as sleep } from 'node:timers/promises'

import { atRest, judgeCampaign, until } from '../rest.ts'
import type { Result, Run, Scenario } from '../scenario.ts'
import { people, SENDER, Stage } from '../stage.ts'

/** A drain has ten seconds, with a little for a busy machine's process to disappear. */
const DRAIN_MS = 10_500

/** The last restart comes when so much of the campaign is sent: each waits for its share, so that all of them meet sending. */
const BUSY_SHARE = 0.9

/** One deployment after the other, under load: each send-worker in turn, then status-worker and producer. */
async function run({ seed, short, say }: Run): Promise<Result> {
  const [recipients, rounds] = short ? [3_000, 1] : [20_000, 7]
  const numbers = people(recipients)
  const stage = await Stage.set({
    seed,
    messagesPerSecond: short ? 200 : 180,
    workers: 3,
    // Answers take a while, so that every SIGTERM finds requests on the wire.
    simulator: { answers: { latencyP50Ms: 200, latencyP95Ms: 800, latencyMaxMs: 1_500 } },
  })
  try {
    const campaign = await stage.upstream.run(`rolling-${seed}`, numbers, { sender: SENDER, onUnknown: 'keep' })
    const violations: string[] = []
    let [restarts, slowestMs] = [0, 0]
    for (let round = 0; round < rounds; round++) {
      for (const member of stage.members) {
        const share = (restarts / (rounds * stage.members.length)) * BUSY_SHARE * recipients
        await until(
          `${Math.floor(share)} messages`,
          300_000,
          async () => (await stage.witness.summary()).requests.received,
          (received) => received >= share,
        )
        await sleep(500)
        const { exit, ms } = await member.roll()
        restarts += 1
        slowestMs = Math.max(slowestMs, Math.round(ms))
        if (exit.code !== 0) violations.push(`${member.name} ended with ${exit.signal ?? exit.code}`)
        if (ms > DRAIN_MS) violations.push(`${member.name} took ${Math.round(ms)} ms to end`)
      }
    }
    say(`after ${restarts} restarts: ${JSON.stringify(await stage.counts(campaign))}`)
    await atRest(stage, [campaign], 400_000)
    const verdict = await judgeCampaign(stage, campaign, numbers)
    const { figures } = verdict
    if (figures.accepted < recipients) violations.push(`${recipients - figures.accepted} were not sent to`)
    return { figures: { ...figures, restarts, slowestMs }, violations: [...violations, ...verdict.violations] }
  } finally {
    await stage.clear()
  }
}

export const rollingRestarts: Scenario = {
  name: 'rolling-restarts',
  shows: 'SIGTERM to one process after the other under load: each ends in time with 0, and no number shows it',
  long: true,
  alone: true,
  run,
}
