import { setTimeout as sleep } from 'node:timers/promises'

import { between, pick, seededRandom } from '../random.ts'
import type { Random } from '../random.ts'
import { atRest, judgeCampaign, until } from '../rest.ts'
import type { Result, Run, Scenario } from '../scenario.ts'
import { people, SENDER, Stage } from '../stage.ts'

/** Some answers are lost, statuses come twice and in any order: what kills must not hide behind. */
export const ROUGH = {
  answers: {
    latencyP50Ms: 20,
    latencyP95Ms: 100,
    latencyMaxMs: 1_000,
    lostShare: 0.01,
    lostKinds: ['reset', 'reset_unprocessed', 'truncated', 'unreadable', 'bare_5xx', 'bare_5xx_unprocessed'],
    earlyStatusShare: 0.02,
  },
  delivery: { failedShare: 0.03, readWithoutDeliveredShare: 0.1 },
  webhooks: { shuffledShare: 0.3, duplicateShare: 0.3, retryMaxMs: 2_000 },
}

/** Who is killed, and how often of so many: nobody is left out by chance. */
const VICTIMS = { 'send-worker': 0.65, redis: 0.13, 'status-worker': 0.13, producer: 0.09 } as const
/** The storm is over when so much of the campaign is sent. */
const STORMY_SHARE = 0.9

/**
 * Kills whoever comes to hand, again and again. Each kill waits for its share of the sending: on a busy machine all kills
 * would be over before processes that take seconds to start had sent anything.
 */
async function storm(
  stage: Stage,
  random: Random,
  { kills, recipients }: { readonly kills: number; readonly recipients: number },
  { say }: Run,
): Promise<Record<string, number>> {
  const killed: Record<string, number> = {}
  for (const [kill, victim] of victims(random, kills).entries()) {
    const share = (kill / kills) * STORMY_SHARE * recipients
    await until(
      `${Math.floor(share)} messages`,
      300_000,
      async () => (await stage.witness.summary()).requests.received,
      (received) => received >= share,
    )
    await sleep(between(random, 50, 800))
    killed[victim] = (killed[victim] ?? 0) + 1
    if (victim === 'redis') await stage.killRedis(between(random, 0, 1_000))
    else
      pick(
        random,
        stage.members.filter(({ name }) => name === victim),
      ).kill()
  }
  say(
    `killed ${Object.entries(killed)
      .map(([name, times]) => `${name} ${times}×`)
      .join(', ')}`,
  )
  return killed
}

/** In any order. */
function victims(random: Random, kills: number): string[] {
  const list = Object.entries(VICTIMS).flatMap(([name, share]) =>
    Array.from({ length: Math.max(1, Math.round(share * kills)) }, () => ({ name, lot: random() })),
  )
  return list.toSorted((one, other) => one.lot - other.lot).map(({ name }) => name)
}

async function run(options: Run, onUnknown: 'keep' | 'resend'): Promise<Result> {
  const random = seededRandom(options.seed)
  const [recipients, kills] = options.short ? [1_200, 8] : [20_000, 70]
  const numbers = people(recipients)
  // Slow enough that all kills fall into the sending.
  const messagesPerSecond = options.short ? 150 : 200
  const stage = await Stage.set({
    seed: options.seed,
    messagesPerSecond,
    workers: 3,
    simulator: ROUGH,
  })
  try {
    const campaign = await stage.upstream.run(`storm-${options.seed}`, numbers, { sender: SENDER, onUnknown })
    const killed = await storm(stage, random, { kills, recipients }, options)
    options.say(`at the end of the storm: ${JSON.stringify(await stage.counts(campaign))}`)
    await atRest(stage, [campaign], 300_000)
    const { violations, figures } = await judgeCampaign(stage, campaign, numbers)
    const unsent = onUnknown === 'resend' && figures.unknown > 0 ? [`${figures.unknown} stay unknown under resend`] : []
    const total = Object.values(killed).reduce((sum, times) => sum + times, 0)
    return {
      figures: {
        ...figures,
        kills: total,
        redisKills: killed['redis'] ?? 0,
        statusWorkerKills: killed['status-worker'] ?? 0,
        producerKills: killed['producer'] ?? 0,
      },
      violations: [...violations, ...unsent],
    }
  } finally {
    await stage.clear()
  }
}

export const killStormKeep: Scenario = {
  name: 'kill-storm-keep',
  shows: 'kill -9 over all processes, Redis included: nobody lost, nobody twice, the numbers are the ledger’s',
  run: async (options) => await run(options, 'keep'),
}

export const killStormResend: Scenario = {
  name: 'kill-storm-resend',
  shows: 'the same with onUnknown: resend, while webhooks flow: everybody once',
  long: true,
  run: async (options) => await run(options, 'resend'),
}
