import { startRedis } from '@chasqui/harness'
import { Redis } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import { APP_SECRET, configureApps, PREFIX } from './apps.ts'
import { PLAIN_COUNTS } from './baseline/job.ts'
import { startChild } from './child.ts'
import { startEndpoint } from './endpoint/control.ts'
import { figure } from './figure.ts'
import { Ledgers, sendCampaigns } from './ledgers.ts'
import type { Bench, RunPart } from './part.ts'
import { withProfiles } from './profile/report.ts'
import { ratePerSecond, ratios } from './statistics.ts'
import { countEvents, type SentCampaign } from './statuses.ts'
import { type GeneratorWork, startGenerator } from './webhook/control.ts'

/** More than either receiver counts in a second; a supply made by it does not run dry. */
const FASTEST_PER_SECOND = 16_000
const PLAIN_FASTEST_PER_SECOND = 8_000
const CAMPAIGNS = 4
/** Filling Redis with webhooks would start a rewrite of the AOF in the middle of the measurement. */
const REDIS = { config: { 'auto-aof-rewrite-percentage': '0' } }

type Window = { readonly warmUpMs: number; readonly windowMs: number }

/** Status events a second over HTTP, one signed event a POST, counted when folded: ours against job-per-event. */
export const runWebhook: RunPart = async (bench) => {
  const window = bench.quick ? { warmUpMs: 1_500, windowMs: 2_000 } : { warmUpMs: 2_000, windowMs: 4_000 }
  const ours: number[] = []
  const plain: number[] = []
  for (let round = 1; round <= bench.rounds; round++) {
    ours.push(await runStatusWorker(bench, window, round))
    plain.push(await runPlain(window, round))
    bench.say(`webhook: ${Math.round(ours.at(-1) ?? 0)} events/s, job-per-event ${Math.round(plain.at(-1) ?? 0)}`)
  }
  return [
    figure('webhooks, one event a POST, job-per-event', 'events/s', plain),
    figure('webhooks, one event a POST, status-worker', 'events/s', ours),
    figure('status-worker against job-per-event', '×', ratios(ours, plain), { atLeast: 3 }),
  ]
}

async function runStatusWorker(bench: Bench, window: Window, seed: number): Promise<number> {
  const redis = await startRedis(REDIS)
  const endpoint = await startEndpoint()
  const ledgers = new Ledgers(redis)
  const setup = { redisUrl: redis.url, endpointUrl: endpoint.url }
  const apps = await configureApps({ ...setup, profileDir: null })
  try {
    const recipients = Math.ceil(supply(window, FASTEST_PER_SECOND) / 3 / CAMPAIGNS)
    const campaigns = await sendCampaigns(apps, ledgers, { campaigns: CAMPAIGNS, recipients, seed })
    return await withProfiles(bench.profile, bench.say, async (profileDir) => {
      const measured = await configureApps({ ...setup, profileDir })
      try {
        const { url } = await measured.startStatusWorker()
        return await watch(url, campaigns, window, seed, async () => ledgers.countFolded(campaigns))
      } finally {
        await measured.stop()
      }
    })
  } finally {
    await apps.stop()
    await ledgers.close()
    await endpoint.stop()
    await redis.stop()
  }
}

async function runPlain(window: Window, seed: number): Promise<number> {
  const redis = await startRedis(REDIS)
  const counts = new Redis(redis.url)
  const receiver = startChild(new URL('baseline/job-per-event.ts', import.meta.url), [redis.url, APP_SECRET])
  try {
    const { port } = await receiver.hear<{ port: number }>()
    const recipients = Math.ceil(supply(window, PLAIN_FASTEST_PER_SECOND) / 3)
    const campaigns = [{ id: 'plain', ordinals: Array.from({ length: recipients }, (_, ordinal) => ordinal) }]
    const counted = async (): Promise<number> =>
      Object.values(await counts.hgetall(PLAIN_COUNTS)).reduce((sum, count) => sum + Number(count), 0)
    return await watch(`http://127.0.0.1:${port}`, campaigns, window, seed, counted)
  } finally {
    counts.disconnect()
    await receiver.stop()
    await redis.stop()
  }
}

/** Counted events a second while the generator posts as fast as it is answered. */
async function watch(
  url: string,
  campaigns: readonly SentCampaign[],
  { warmUpMs, windowMs }: Window,
  seed: number,
  counted: () => Promise<number>,
): Promise<number> {
  const { hostname, port } = new URL(url)
  const receiver = { host: hostname, port: Number(port), appSecret: APP_SECRET }
  const work: GeneratorWork = { ...receiver, environment: PREFIX, campaigns, eventsPerBody: 1, seed }
  const generator = await startGenerator(work)
  try {
    await generator.go()
    await sleep(warmUpMs)
    const from = { atMs: performance.now(), count: await counted() }
    await sleep(windowMs)
    const to = { atMs: performance.now(), count: await counted() }
    const { refused, left } = await generator.read()
    if (refused > 0) throw new Error(`${refused} webhooks were not answered 200`)
    if (left === 0) throw new Error(`all ${countEvents(campaigns)} events were posted before the window was over`)
    return ratePerSecond(from, to)
  } finally {
    await generator.stop()
  }
}

function supply({ warmUpMs, windowMs }: Window, fastestPerSecond: number): number {
  return ((warmUpMs + windowMs + 500) / 1_000) * fastestPerSecond
}
