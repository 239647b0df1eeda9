import { startRedis } from '@chasqui/harness'
import { setTimeout as sleep } from 'node:timers/promises'
import { configureApps, type RunningApp } from './apps.ts'
import { startEndpoint } from './endpoint/control.ts'
import { figure } from './figure.ts'
import type { RunPart } from './part.ts'
import { csvPieces } from './recipients.ts'
import { appendCsv, createCampaign, launch } from './upstream.ts'
import { until } from './until.ts'
import { percentile } from './webhook/postman.ts'

/** At once, as an upstream system with many customers might. */
const CALLERS = 16
const SCRAPES = 20
const SENT_PATIENCE_MS = 120_000
/** The status-worker's exporter shows 200 campaigns; dispositions, statuses, replies and outlook are some twenty series each. */
const SERIES_MAX = 200 * 25

/** A day of ten thousand campaigns, all created, launched and sent: how many series they make, and how long a scrape takes. */
export const runCampaigns: RunPart = async (bench) => {
  const campaigns = bench.quick ? 210 : 10_000
  const redis = await startRedis({ config: { 'auto-aof-rewrite-percentage': '0' } })
  const endpoint = await startEndpoint()
  const apps = await configureApps({ redisUrl: redis.url, endpointUrl: endpoint.url, profileDir: null })
  try {
    const producer = await apps.startProducer()
    const all = [producer, await apps.startSendWorker(), await apps.startStatusWorker()]
    const startedAt = performance.now()
    let made = 0
    const call = async (): Promise<void> => {
      while (made < campaigns) {
        made += 1
        const csv = csvPieces({ recipients: 1, seed: made })
        const id = await createCampaign(producer.url)
        await appendCsv(producer.url, id, csv)
        await launch(producer.url, id)
      }
    }
    await Promise.all(Array.from({ length: CALLERS }, call))
    bench.say(`campaigns: ${campaigns} launched in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`)
    await until(
      SENT_PATIENCE_MS,
      async () => (await endpoint.read()).count,
      (count) => count >= campaigns,
    )
    // The exporter looks every two seconds; twice that and it has seen them all.
    await sleep(4_000)
    const scrapes: Scrape[] = []
    for (let round = 0; round < SCRAPES; round += 1) for (const app of all) scrapes.push(await scrape(app))
    const series = Math.max(...scrapes.map((each) => each.series))
    const took = scrapes.map(({ ms }) => ms)
    const note = `${campaigns} campaigns within a day; producer, send-worker and status-worker`
    return [
      figure('metric series of campaigns, one process', 'series', [series], { atMost: SERIES_MAX }, note),
      figure('scrape, p95 of all processes', 'ms', [percentile(took, 0.95)], { atMost: 200 }, `${took.length} scrapes`),
      figure('scrape, slowest', 'ms', [Math.max(...took)]),
    ]
  } finally {
    await apps.stop()
    await endpoint.stop()
    await redis.stop()
  }
}

type Scrape = { readonly ms: number; readonly series: number }

async function scrape({ metricsUrl }: RunningApp): Promise<Scrape> {
  const startedAt = performance.now()
  const text = await (await fetch(metricsUrl)).text()
  const series = text.split('\n').filter((line) => line.includes('{campaign="') || line.includes(',campaign="')).length
  return { ms: performance.now() - startedAt, series }
}
