import { setTimeout as sleep } from 'node:timers/promises'

import { atRest, judgeCampaign, until } from '../rest.ts'
import type { Result, Run, Scenario } from '../scenario.ts'
import { people, SENDER, Stage } from '../stage.ts'

/**
 * Answers are lost while nobody takes webhooks. When they are taken again, those of new messages come at once and the old
 * ones by and by: silence about an old message means nothing yet.
 */
async function run({ seed, short, say }: Run): Promise<Result> {
  const numbers = people(short ? 900 : 4_000)
  const outageMs = short ? 14_000 : 40_000
  const stage = await Stage.set({
    seed,
    messagesPerSecond: short ? 40 : 60,
    workers: 2,
    simulator: {
      answers: { lostShare: 0.15, lostKinds: ['reset', 'truncated', 'reset_unprocessed'] },
      // As Meta does: each wait is longer than the one before.
      webhooks: { retryBaseMs: 1_000, retryMaxMs: 60_000, batchMax: 5 },
    },
    // A window that the outage outlasts.
    workerEnv: { RESEND_WINDOW_MS: '8000' },
  })
  try {
    const campaign = await stage.upstream.run(`webhooks-${seed}`, numbers, { sender: SENDER, onUnknown: 'resend' })
    await until(
      'unknowns',
      60_000,
      async () => (await stage.counts(campaign))['unknown'] ?? 0,
      (lost) => lost > 3,
    )
    const [receiver] = stage.statusWorkers
    await receiver?.rest(outageMs)
    say(`after the outage: ${JSON.stringify(await stage.counts(campaign))}`)
    await sleep(1_000)
    await atRest(stage, [campaign], short ? 120_000 : 400_000)
    const { violations, figures } = await judgeCampaign(stage, campaign, numbers)
    return { figures: { ...figures, outageMs }, violations }
  } finally {
    await stage.clear()
  }
}

export const webhookOutage: Scenario = {
  name: 'webhook-outage',
  shows: 'status-workers away for longer than the window of resending: what comes late is waited for, nobody twice',
  long: true,
  run,
}
