import { startRedis } from '@chasqui/harness'
import { WebhookLog } from '@chasqui/store'
import { type Apps, configureApps, PREFIX } from './apps.ts'
import { startEndpoint } from './endpoint/control.ts'
import { figure } from './figure.ts'
import { Ledgers, sendCampaigns } from './ledgers.ts'
import { measureToEnd } from './measure/folding.ts'
import type { Bench, RunPart } from './part.ts'
import { withProfiles } from './profile/report.ts'
import { countEvents, type SentCampaign, statusBodies } from './statuses.ts'

/** Campaigns whose statuses come mixed. */
const CAMPAIGNS = 4
/** Meta sends one status a body, or many when it has a backlog; both kinds fill a log. */
const SINGLE = 1
const BATCHED = 10
/** Bodies an entry of the log, as the receiver stores them under load: it gathers up to 200 while Redis syncs. */
const BODIES_AN_ENTRY = 50
/** Filling a log of some hundred MB would start a rewrite of the AOF in the middle of the measurement. */
const REDIS = { config: { 'auto-aof-rewrite-percentage': '0' } }

type FoldRun = { readonly single: number; readonly batched: number }

/** Status events a second, from a log that lies full in Redis into the ledgers, by one status-worker. */
export const runFold: RunPart = async (bench) => {
  const runs: FoldRun[] = []
  for (let round = 1; round <= bench.rounds; round++) {
    const run = await foldRound(bench, round)
    bench.say(`fold: ${Math.round(run.single)} events/s one a body, ${Math.round(run.batched)} ten a body`)
    runs.push(run)
  }
  const single = runs.map((run) => run.single)
  const batched = runs.map((run) => run.batched)
  return [
    figure('fold, from the log, one event a body', 'events/s', single),
    figure('fold, from the log, ten events a body', 'events/s', batched, { atLeast: 80_000 }),
  ]
}

async function foldRound(bench: Bench, round: number): Promise<FoldRun> {
  const redis = await startRedis(REDIS)
  const endpoint = await startEndpoint()
  const ledgers = new Ledgers(redis)
  const setup = { redisUrl: redis.url, endpointUrl: endpoint.url }
  const apps = await configureApps({ ...setup, profileDir: null })
  try {
    const recipients = bench.quick ? 8_000 : 20_000
    const sent = await sendCampaigns(apps, ledgers, { campaigns: 2 * CAMPAIGNS, recipients, seed: round })
    const [first, second] = [sent.slice(0, CAMPAIGNS), sent.slice(CAMPAIGNS)]
    return await withProfiles(bench.profile, bench.say, async (profileDir) => {
      const measured = await configureApps({ ...setup, profileDir })
      try {
        return {
          single: await drain(measured, ledgers, first, bodiesOf(first, SINGLE, round)),
          batched: await drain(measured, ledgers, second, bodiesOf(second, BATCHED, round)),
        }
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

function bodiesOf(campaigns: readonly SentCampaign[], eventsPerBody: number, seed: number): Iterable<string> {
  return statusBodies({ environment: PREFIX, campaigns, eventsPerBody, seed })
}

/** Fills the log, starts a status-worker, and watches the facts come into the ledgers. */
export async function drain(
  apps: Apps,
  ledgers: Ledgers,
  campaigns: readonly SentCampaign[],
  bodies: Iterable<string>,
): Promise<number> {
  await fillLog(ledgers, bodies)
  const worker = await apps.startStatusWorker()
  const rate = await measureToEnd(countEvents(campaigns), async () => ledgers.countFolded(campaigns))
  await worker.stop()
  await refuseWrongNumbers(ledgers, campaigns)
  return rate
}

async function fillLog(ledgers: Ledgers, bodies: Iterable<string>): Promise<void> {
  const log = new WebhookLog(ledgers.client, ledgers.client, ledgers.keys, 'bench')
  await log.open()
  let entry: Buffer[] = []
  for (const body of bodies) {
    if (entry.push(Buffer.from(body)) < BODIES_AN_ENTRY) continue
    await log.append(entry)
    entry = []
  }
  if (entry.length > 0) await log.append(entry)
}

/** Fast and wrong is no figure: every recipient was sent to, delivered to and has read. */
async function refuseWrongNumbers(ledgers: Ledgers, campaigns: readonly SentCampaign[]): Promise<void> {
  for (const { id, ordinals } of campaigns) {
    const fields = ['delivery:sent', 'delivery:delivered', 'delivery:read', 'route:marketing_lite'] as const
    const counts = await ledgers.client.hmget(ledgers.keys.counts(id), ...fields)
    if (counts.some((count) => Number(count) !== ordinals.length)) {
      throw new Error(`${ordinals.length} recipients, but ${fields.join(', ')} are ${counts.join(', ')}`)
    }
  }
}
