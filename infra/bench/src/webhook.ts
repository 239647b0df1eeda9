import { startRedis } from '@chasqui/harness'
import { Redis } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import { APP_SECRET, configureApps, PREFIX } from './apps.ts'
import { PLAIN_COUNTS } from './baseline/job.ts'
import { startChild } from './child.ts'
import { startEndpoint } from './endpoint/control.ts'
import { figure } from './figure.ts'
import { Ledgers, sendCampaigns } from './ledgers.ts'
import { readProcessUse } from './measure/process.ts'
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
  const ours: ReceiverRun[] = []
  const plain: ReceiverRun[] = []
  for (let round = 1; round <= bench.rounds; round++) {
    const [us, others] = [await runStatusWorker(bench, window, round), await runPlain(window, round)]
    ours.push(us)
    plain.push(others)
    bench.say(`webhook: ${described(us)}; job-per-event ${described(others)}`)
  }
  const pace = (runs: readonly ReceiverRun[]): number[] => runs.map(({ eventsPerSecond }) => eventsPerSecond)
  const cpu = (runs: readonly ReceiverRun[]): number[] =>
    runs.map(({ receiverMicros, redisMicros }) => receiverMicros + redisMicros)
  const note = 'receiver and Redis together; says more than the pace on a machine that is busy'
  return [
    figure('webhooks, one event a POST, job-per-event', 'events/s', pace(plain)),
    figure('webhooks, one event a POST, status-worker', 'events/s', pace(ours)),
    figure('status-worker against job-per-event', '×', ratios(pace(ours), pace(plain)), { atLeast: 3 }),
    figure('CPU a webhook, job-per-event', 'µs', cpu(plain), null, note),
    figure('CPU a webhook, status-worker', 'µs', cpu(ours), null, note),
  ]
}

/** What one receiver did in its window. */
type ReceiverRun = {
  readonly eventsPerSecond: number
  /** CPU an event, µs, all threads; NaN where the kernel does not tell. */
  readonly receiverMicros: number
  readonly redisMicros: number
}

function described({ eventsPerSecond, receiverMicros, redisMicros }: ReceiverRun): string {
  return `${Math.round(eventsPerSecond)} events/s, CPU an event ${Math.round(receiverMicros)} µs and Redis ${Math.round(redisMicros)} µs`
}

async function runStatusWorker(bench: Bench, window: Window, seed: number): Promise<ReceiverRun> {
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
        const { url, pid } = await measured.startStatusWorker()
        const counted = async (): Promise<number> => ledgers.countFolded(campaigns)
        return await watch({ url, pid, redisPid: redis.pid }, campaigns, window, seed, counted)
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

async function runPlain(window: Window, seed: number): Promise<ReceiverRun> {
  const redis = await startRedis(REDIS)
  const counts = new Redis(redis.url)
  const receiver = startChild(new URL('baseline/job-per-event.ts', import.meta.url), [redis.url, APP_SECRET])
  try {
    const { port } = await receiver.hear<{ port: number }>()
    const recipients = Math.ceil(supply(window, PLAIN_FASTEST_PER_SECOND) / 3)
    const campaigns = [{ id: 'plain', ordinals: Array.from({ length: recipients }, (_, ordinal) => ordinal) }]
    const counted = async (): Promise<number> =>
      Object.values(await counts.hgetall(PLAIN_COUNTS)).reduce((sum, count) => sum + Number(count), 0)
    const watched = { url: `http://127.0.0.1:${port}`, pid: receiver.pid, redisPid: redis.pid }
    return await watch(watched, campaigns, window, seed, counted)
  } finally {
    counts.disconnect()
    await receiver.stop()
    await redis.stop()
  }
}

/** A receiver that runs, and the Redis it works with. */
type Receiver = { readonly url: string; readonly pid: number; readonly redisPid: number }

/** Counted events a second, and the CPU they took, while the generator posts as fast as it is answered. */
async function watch(
  { url, pid, redisPid }: Receiver,
  campaigns: readonly SentCampaign[],
  { warmUpMs, windowMs }: Window,
  seed: number,
  counted: () => Promise<number>,
): Promise<ReceiverRun> {
  const { hostname, port } = new URL(url)
  const receiver = { host: hostname, port: Number(port), appSecret: APP_SECRET }
  const work: GeneratorWork = { ...receiver, environment: PREFIX, campaigns, eventsPerBody: 1, seed }
  const generator = await startGenerator(work)
  try {
    await generator.go()
    await sleep(warmUpMs)
    const from = { atMs: performance.now(), count: await counted() }
    const cpuFrom = await cpuSecondsOf([pid, redisPid])
    await sleep(windowMs)
    const to = { atMs: performance.now(), count: await counted() }
    const [receiverMicros = NaN, redisMicros = NaN] = (await cpuSecondsOf([pid, redisPid])).map(
      (seconds, index) => ((seconds - (cpuFrom[index] ?? NaN)) * 1e6) / (to.count - from.count),
    )
    const { refused, left } = await generator.read()
    if (refused > 0) throw new Error(`${refused} webhooks were not answered 200`)
    if (left === 0) throw new Error(`all ${countEvents(campaigns)} events were posted before the window was over`)
    return { eventsPerSecond: ratePerSecond(from, to), receiverMicros, redisMicros }
  } finally {
    await generator.stop()
  }
}

async function cpuSecondsOf(pids: readonly number[]): Promise<number[]> {
  return await Promise.all(pids.map(async (pid) => (await readProcessUse(pid))?.cpuSeconds ?? NaN))
}

function supply({ warmUpMs, windowMs }: Window, fastestPerSecond: number): number {
  return ((warmUpMs + windowMs + 500) / 1_000) * fastestPerSecond
}
