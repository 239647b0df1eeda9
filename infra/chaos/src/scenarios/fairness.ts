import { setTimeout as sleep } from 'node:timers/promises'

import { until } from '../rest.ts'
import type { Result, Run, Scenario } from '../scenario.ts'
import { people, SENDER, Stage } from '../stage.ts'
import type { CampaignOptions } from '../upstream.ts'

const SMALL = 1_000
const PER_SECOND = 100
/** More than can be sent while their shares are watched. */
const PRIORITY_SIZE = 10_000
const OTHER = { id: 'other', phoneNumberId: '106540352242933', messagesPerSecond: 80 } as const
/** A campaign that shares its sender with one other may take twice as long; beginning and end take their part. */
const SLOWER_MOST = 2.2

/** Waited for at most this many times the solo time. */
const PATIENCE = 4

/** What one sender's campaigns do to each other, and what senders do to each other: nothing. */
async function run({ seed, short, say }: Run): Promise<Result> {
  const large = short ? 20_000 : 1_000_000
  const stage = await Stage.set({ seed, messagesPerSecond: PER_SECOND, workers: 2, moreSenders: [OTHER] })
  const { upstream } = stage
  const spec = (more: Partial<CampaignOptions> = {}): CampaignOptions => ({
    sender: SENDER,
    onUnknown: 'keep',
    ...more,
  })
  try {
    const soloMs = await timeOf(stage, await upstream.prepare('solo', people(SMALL), spec()))
    const otherAloneMs = await timeOf(stage, await upstream.prepare('alone', people(SMALL), spec({ sender: OTHER.id })))
    const crowd = await upstream.prepare('large', people(large, 100_000), spec())
    const small = await upstream.prepare('behind', people(SMALL, SMALL), spec())
    const beside = await upstream.prepare('beside', people(SMALL, 2 * SMALL), spec({ sender: OTHER.id }))
    await upstream.order(crowd, 'launch')
    await until(
      'the large one',
      60_000,
      async () => await sentOf(stage, crowd),
      (sent) => sent > PER_SECOND,
    )
    const patienceMs = PATIENCE * soloMs
    const [behindMs, besideMs] = await Promise.all([
      timeOf(stage, small, patienceMs),
      timeOf(stage, beside, patienceMs),
    ])
    const sentBehind = await sentOf(stage, small)
    for (const campaign of [crowd, small]) await upstream.order(campaign, 'cancel')
    const shares = await sharesByPriority(stage)
    const [slower, otherSlower] = [ratio(behindMs, soloMs), ratio(besideMs, otherAloneMs)]
    say(`behind ${large}: ${slower} of the solo time; another sender beside: ${otherSlower}; ${JSON.stringify(shares)}`)
    return {
      figures: { large, soloMs, behindMs, sentBehind, slower, otherSlower, ...shares },
      violations: [
        ...(slower > SLOWER_MOST
          ? [`${sentBehind} of ${SMALL} behind ${large} took ${slower} times the solo time`]
          : []),
        ...(otherSlower > 1.2 ? [`another sender took ${otherSlower} times its time`] : []),
        ...(shares.low === 0 ? ['low priority starves'] : []),
        ...(shares.high <= shares.low ? ['priority shifts nothing'] : []),
      ],
    }
  } finally {
    await stage.clear()
  }
}

/** From the launch to the end of a campaign, or to the end of patience, ms. */
async function timeOf(stage: Stage, campaign: string, patienceMs = 120_000): Promise<number> {
  const began = performance.now()
  await stage.upstream.order(campaign, 'launch')
  while ((await stage.status(campaign)) !== 'completed' && performance.now() - began < patienceMs) await sleep(100)
  return Math.round(performance.now() - began)
}

/** Messages of three campaigns that differ in nothing but their priority, after a while. */
async function sharesByPriority(stage: Stage): Promise<{ high: number; normal: number; low: number }> {
  const priorities = ['low', 'normal', 'high'] as const
  const campaigns = await Promise.all(
    priorities.map(
      async (priority, index) =>
        await stage.upstream.prepare(priority, people(PRIORITY_SIZE, 2_000_000 + index * PRIORITY_SIZE), {
          sender: SENDER,
          onUnknown: 'keep',
          priority,
        }),
    ),
  )
  for (const campaign of campaigns) await stage.upstream.order(campaign, 'launch')
  await sleep(30_000)
  const [low = 0, normal = 0, high = 0] = await Promise.all(
    campaigns.map(async (campaign) => await sentOf(stage, campaign)),
  )
  return { high, normal, low }
}

async function sentOf({ witness }: Stage, campaign: string): Promise<number> {
  return (await witness.summary(campaign)).requests.received
}

function ratio(ms: number, of: number): number {
  return Math.round((ms / of) * 100) / 100
}

export const fairness: Scenario = {
  name: 'fairness',
  shows: '1,000 recipients behind 1,000,000 of the same sender, another sender beside, three priorities',
  long: true,
  alone: true,
  run,
}
