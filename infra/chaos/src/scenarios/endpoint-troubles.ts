import { setTimeout as sleep } from 'node:timers/promises'

import { atRest, judgeCampaign, until } from '../rest.ts'
import type { Result, Run, Scenario } from '../scenario.ts'
import { people, SENDER, Stage } from '../stage.ts'

/** An endpoint that answers 5xx, readable and not, and then heals. */
async function runOutage({ seed, short, say }: Run): Promise<Result> {
  const numbers = people(short ? 2_000 : 20_000)
  const lastsMs = short ? 3_000 : 12_000
  const stage = await Stage.set({ seed, messagesPerSecond: short ? 150 : 250, workers: 2 })
  try {
    const campaign = await stage.upstream.run(`outage-${seed}`, numbers, { sender: SENDER, onUnknown: 'resend' })
    for (const outage of ['graph_131016', 'bare_503', 'graph_2', 'reset'] as const) {
      await sleep(short ? 1_000 : 5_000)
      // Some of what is answered unreadably was taken all the same; only webhooks can tell.
      await stage.witness.configure({ outage, outageProcessedShare: 0.3 })
      await sleep(lastsMs)
      await stage.witness.configure({ outage: 'none' })
      say(`after ${outage}: ${JSON.stringify(await stage.counts(campaign))}`)
    }
    await atRest(stage, [campaign], 400_000)
    const { violations, figures } = await judgeCampaign(stage, campaign, numbers)
    const { rejected = 0 } = await stage.counts(campaign)
    const unsent = numbers.length - figures.accepted
    return {
      figures: { ...figures, rejected, unsent },
      violations: unsent === 0 ? violations : [...violations, `${unsent} were not sent to`],
    }
  } finally {
    await stage.clear()
  }
}

/** The token expires when half is sent; the operator writes a new one. */
async function runExpiry({ seed, short, say }: Run): Promise<Result> {
  const numbers = people(short ? 1_500 : 10_000)
  const stage = await Stage.set({ seed, messagesPerSecond: 300, workers: 2 })
  try {
    const campaign = await stage.upstream.run(`token-${seed}`, numbers, { sender: SENDER, onUnknown: 'keep' })
    const half = numbers.length / 2
    await until(
      'half',
      120_000,
      async () => (await stage.counts(campaign))['accepted'] ?? 0,
      (sent) => sent >= half,
    )
    await stage.witness.configure({ tokens: ['another-token'] })
    const { client, keys } = stage
    await until(
      'the block',
      20_000,
      async () => await client.hlen(keys.blocks(SENDER)),
      (blocks) => blocks > 0,
    )
    await sleep(short ? 1_000 : 5_000)
    const { processed } = (await stage.witness.summary()).requests
    const renewedAt = performance.now()
    await stage.renewToken('another-token')
    const goesOn = async (): Promise<number> => (await stage.witness.summary()).requests.processed
    await until('sending with the new token', 60_000, goesOn, (now) => now > processed)
    const resumedMs = Math.round(performance.now() - renewedAt)
    say(`goes on ${resumedMs} ms after the new token was written`)
    await atRest(stage, [campaign], 200_000)
    const { violations, figures } = await judgeCampaign(stage, campaign, numbers)
    const { rejected = 0 } = await stage.counts(campaign)
    return {
      figures: { ...figures, rejected, resumedMs },
      violations: [
        ...violations,
        ...(rejected > 0 ? [`${rejected} were rejected for a token that expired`] : []),
        ...(resumedMs > 5_000 ? [`went on ${resumedMs} ms after the new token only`] : []),
        ...(figures.accepted < numbers.length ? [`${numbers.length - figures.accepted} were not sent to`] : []),
      ],
    }
  } finally {
    await stage.clear()
  }
}

export const serverErrors: Scenario = {
  name: 'server-errors',
  shows: 'a storm of 5xx and resets, then health: everybody is sent to once, nobody is rejected',
  long: true,
  run: runOutage,
}

export const tokenExpiry: Scenario = {
  name: 'token-expiry',
  shows: 'the access token expires half-way: nobody is rejected, a new token sets it going by itself',
  long: true,
  run: runExpiry,
}
