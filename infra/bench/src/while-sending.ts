import { startRedis } from '@chasqui/harness'
import { APP_SECRET, configureApps, PREFIX } from './apps.ts'
import { startEndpoint } from './endpoint/control.ts'
import { figure } from './figure.ts'
import { Ledgers } from './ledgers.ts'
import type { RunPart } from './part.ts'
import { csvPieces } from './recipients.ts'
import { ratePerSecond } from './statistics.ts'
import { type SentCampaign, statusBodies } from './statuses.ts'
import { appendCsv, createCampaign, launch, readCounts } from './upstream.ts'
import { until } from './until.ts'
import { percentile, post } from './webhook/postman.ts'
import { signedRequest } from './webhook/signed-request.ts'

const STATUSES_PER_SECOND = 3_000
const MESSAGES_PER_SECOND = 1_000
const CONNECTIONS = 64
const SENT_PATIENCE_MS = 60_000
const FIRST_MESSAGE_PATIENCE_MS = 20_000

/** How soon webhooks are answered, 3,000 a second with one status each, while one send-worker sends 1,000 messages a second. */
export const runWhileSending: RunPart = async (bench) => {
  const seconds = bench.quick ? 1 : 20
  const redis = await startRedis()
  const endpoint = await startEndpoint()
  const ledgers = new Ledgers(redis)
  const setup = { redisUrl: redis.url, endpointUrl: endpoint.url, profileDir: null }
  const apps = await configureApps({ ...setup, messagesPerSecond: MESSAGES_PER_SECOND })
  try {
    const recipients = seconds * MESSAGES_PER_SECOND
    const [producer, receiver] = await Promise.all([
      apps.startProducer(),
      apps.startStatusWorker(),
      apps.startSendWorker(),
    ])
    const start = async (people: number, seed: number): Promise<string> => {
      const id = await createCampaign(producer.url)
      await appendCsv(producer.url, id, csvPieces({ recipients: people, seed }))
      await launch(producer.url, id)
      return id
    }
    // What the statuses are about, then what is sent while they come.
    const before = await start(recipients, 1)
    const isSent = (counts: Readonly<Record<string, number>>): boolean => counts['accepted'] === counts['recipients']
    await until(SENT_PATIENCE_MS, async () => readCounts(producer.url, before), isSent)
    const sent = [{ id: before, ordinals: await ledgers.acceptedOrdinals(before) }]
    const { count } = await endpoint.read()
    await start(recipients + 5 * MESSAGES_PER_SECOND, 2)
    const isSending = (now: { readonly count: number }): boolean => now.count > count + MESSAGES_PER_SECOND
    await until(FIRST_MESSAGE_PATIENCE_MS, async () => endpoint.read(), isSending)

    const from = await endpoint.read()
    const { answers, latenciesMs } = await post({
      host: '127.0.0.1',
      ports: [Number(new URL(receiver.url).port)],
      connections: CONNECTIONS,
      requests: signedStatuses(sent),
      insist: false,
      perSecond: STATUSES_PER_SECOND,
    })
    const to = await endpoint.read()
    const others = [...answers].filter(([status]) => status !== 200).reduce((sum, [, times]) => sum + times, 0)
    const [posted, took] = [latenciesMs.length + others, (to.atMs - from.atMs) / 1_000]
    bench.say(
      `while sending: ${posted} statuses in ${took.toFixed(1)} s, ${to.count - from.count} messages sent meanwhile`,
    )
    return [
      figure('webhooks while sending: statuses', 'statuses/s', [posted / took], {
        atLeast: STATUSES_PER_SECOND * 0.95,
      }),
      figure('webhooks while sending: messages', 'messages/s', [ratePerSecond(from, to)], {
        atLeast: MESSAGES_PER_SECOND * 0.95,
      }),
      figure('webhooks while sending: answer, median', 'ms', [percentile(latenciesMs, 0.5)], { atMost: 20 }),
      figure('webhooks while sending: answer, p99', 'ms', [percentile(latenciesMs, 0.99)], { atMost: 250 }),
      figure('webhooks while sending: answers other than 200', 'answers', [others], { atMost: 0 }),
    ]
  } finally {
    await apps.stop()
    await ledgers.close()
    await endpoint.stop()
    await redis.stop()
  }
}

function* signedStatuses(campaigns: readonly SentCampaign[]): Generator<Buffer> {
  for (const body of statusBodies({ environment: PREFIX, campaigns, eventsPerBody: 1, seed: 5 }))
    yield signedRequest(body, APP_SECRET, '127.0.0.1')
}
