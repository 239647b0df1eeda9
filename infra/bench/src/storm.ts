import { freePort, spawnApp, startRedis } from '@chasqui/harness'
import { Campaigns, recount, WebhookLog } from '@chasqui/store'
import { type Apps, APP_SECRET, configureApps, PREFIX, type RunningApp } from './apps.ts'
import { startEndpoint } from './endpoint/control.ts'
import { figure } from './figure.ts'
import { Ledgers, sendCampaigns } from './ledgers.ts'
import type { RunPart } from './part.ts'
import { below, seededRandom } from './random.ts'
import { countEvents, type SentCampaign, statusBodies } from './statuses.ts'
import { until } from './until.ts'
import { post } from './webhook/postman.ts'
import { signedRequest } from './webhook/signed-request.ts'

const REPLICAS = 2
const CONNECTIONS = 64
const TWICE_SHARE = 0.3
const FOLD_PATIENCE_MS = 120_000
const FIELDS = ['delivery:sent', 'delivery:delivered', 'delivery:read', 'route:marketing_lite'] as const
const REDIS = { config: { 'auto-aof-rewrite-percentage': '0' } }

/**
 * A million events over HTTP, signed, shuffled, three in ten of them twice, two status-workers that are killed with kill -9
 * twenty times in all: every counter exact, the ledger equal to its recount and to what the log tells.
 */
export const runStorm: RunPart = async (bench) => {
  const redis = await startRedis(REDIS)
  const endpoint = await startEndpoint()
  const ledgers = new Ledgers(redis)
  const apps = await configureApps({ redisUrl: redis.url, endpointUrl: endpoint.url, profileDir: null })
  try {
    // Three events each.
    const wanted = bench.quick ? { campaigns: 1, recipients: 1_000 } : { campaigns: 4, recipients: 83_400 }
    const kills = bench.quick ? 2 : 20
    const campaigns = await sendCampaigns(apps, ledgers, { ...wanted, seed: 1 })
    bench.say(`storm: ${countEvents(campaigns)} events of ${campaigns.length} campaigns`)
    const startedAt = performance.now()
    const { posted, killed, repeated } = await weather(apps, campaigns, kills)
    const log = new WebhookLog(ledgers.client, ledgers.client, ledgers.keys, 'bench')
    await until(
      FOLD_PATIENCE_MS,
      async () => (await log.backlog()).unfolded,
      (unfolded) => unfolded === 0,
    )
    const seconds = (performance.now() - startedAt) / 1_000
    const wrong = await wrongNumbers(ledgers, campaigns, redis.url)
    bench.say(
      `storm: ${posted} events posted, ${repeated} posts repeated by Meta, ${killed} kills, ${seconds.toFixed(0)} s`,
    )
    for (const line of wrong) bench.say(`storm: ${line}`)
    return [
      figure(
        'storm: numbers that are wrong',
        'numbers',
        [wrong.length],
        { atMost: 0 },
        `${posted} events, ${killed} kills`,
      ),
      figure('storm: kills of a status-worker', 'kills', [killed], { atLeast: kills }),
      figure('storm: events, kills included', 'events/s', [posted / seconds]),
    ]
  } finally {
    await apps.stop()
    await ledgers.close()
    await endpoint.stop()
    await redis.stop()
  }
}

/** Post everything while one status-worker after the other is killed and started again on its port. */
async function weather(
  apps: Apps,
  campaigns: readonly SentCampaign[],
  kills: number,
): Promise<{ readonly posted: number; readonly killed: number; readonly repeated: number }> {
  const ports = await Promise.all(Array.from({ length: REPLICAS }, freePort))
  const workers = await Promise.all(ports.map(async (port) => await apps.startStatusWorker(port)))
  const total = Math.floor(countEvents(campaigns) * (1 + TWICE_SHARE))
  let [killed, answered] = [0, 0]
  let killing: Promise<void> = Promise.resolve()
  const onAnswer = (): void => {
    answered += 1
    // Spread over the first nine tenths of the posts; the last of them are taken in by who came back.
    if (killed >= kills || answered < ((killed + 1) * requestsIn(total) * 0.9) / (kills + 1)) return
    const victim = killed % REPLICAS
    killed += 1
    killing = killing.then(async () => {
      workers[victim] = await killAndStart(apps, workers[victim], ports[victim] ?? 0)
    })
  }
  const requests = twiceOver(campaigns)
  const { answers } = await post({
    host: '127.0.0.1',
    ports,
    connections: CONNECTIONS,
    requests,
    insist: true,
    onAnswer,
  })
  await killing
  const [all, good] = [[...answers.values()].reduce((sum, count) => sum + count, 0), answers.get(200) ?? 0]
  return { posted: total, killed, repeated: all - good }
}

async function killAndStart(apps: Apps, worker: RunningApp | undefined, port: number): Promise<RunningApp> {
  if (worker !== undefined) {
    process.kill(worker.pid, 'SIGKILL')
    await worker.exited
  }
  return await apps.startStatusWorker(port)
}

/** Meta sends one event a body most of the time; a tenth of the bodies here have ten. */
const BODY_SIZES = [1, 1, 1, 1, 1, 1, 1, 1, 1, 10] as const
const EVENTS_A_BODY = BODY_SIZES.reduce<number>((sum, size) => sum + size, 0) / BODY_SIZES.length

function requestsIn(events: number): number {
  return events / EVENTS_A_BODY
}

/** All events in random order, cut into bodies of several sizes; three in ten of the bodies come again, later. */
function* twiceOver(campaigns: readonly SentCampaign[]): Generator<Buffer> {
  const random = seededRandom(7)
  const later: Buffer[] = []
  const sizes = (index: number): number => BODY_SIZES[index % BODY_SIZES.length] ?? 1
  for (const body of statusBodies({ environment: PREFIX, campaigns, eventsPerBody: sizes, seed: 3 })) {
    const request = signedRequest(body, APP_SECRET, '127.0.0.1')
    yield request
    if (random() < TWICE_SHARE) later.push(request)
    // Some thousand posts later, as when Meta heard no answer.
    if (later.length > 4_000) yield* later.splice(below(random, later.length - 1), 1)
  }
  yield* later
}

async function wrongNumbers(ledgers: Ledgers, campaigns: readonly SentCampaign[], redisUrl: string): Promise<string[]> {
  const { client, keys } = ledgers
  const wrong: string[] = []
  for (const { id, ordinals } of campaigns) {
    const counts = (await new Campaigns(client, keys).report(id))?.counts
    for (const field of FIELDS) {
      const count = counts?.get(field) ?? 0
      if (count !== ordinals.length) wrong.push(`${field} is ${count}, not ${ordinals.length}`)
    }
    for (const { field, counted, inLedger } of await recount(client, keys, id))
      wrong.push(`${field} counts ${counted}, the ledger has ${inLedger}`)
    const app = spawnApp({
      name: 'status-worker',
      args: ['replay', '--verify', id],
      env: { REDIS_URL: redisUrl, REDIS_PREFIX: PREFIX },
    })
    const { code } = await app.exited
    if (code !== 0) wrong.push(`the log tells something else: ${app.lines.join(' ')}`)
  }
  return wrong
}
