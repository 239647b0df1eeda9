import { startRedis } from '@chasqui/harness'
import { configureApps } from './apps.ts'
import { fillPlainQueue } from './baseline/fill.ts'
import { startChild } from './child.ts'
import { type Endpoint, startEndpoint } from './endpoint/control.ts'
import { figure, type Figure } from './figure.ts'
import { measureSending, type SendingRun, type SendingWindow } from './measure/sending.ts'
import { plainBody } from './message.ts'
import type { Bench, RunPart } from './part.ts'
import { withProfiles } from './profile/report.ts'
import { seededRandom } from './random.ts'
import { csvPieces, randomRecipient } from './recipients.ts'
import { ratios } from './statistics.ts'
import { appendCsv, createCampaign, launch, readCounts } from './upstream.ts'

/** More than any contender does in a second; a supply made by it does not run dry. */
const FASTEST_PER_SECOND = 40_000
const PLAIN_FASTEST_PER_SECOND = 8_000

/** Messages a second: the real send-worker, one process, against undici alone and against job-per-message. */
export const runSend: RunPart = async (bench) => {
  const window = bench.quick ? { warmUpMs: 3_000, windowMs: 2_000 } : { warmUpMs: 5_000, windowMs: 5_000 }
  const bare: SendingRun[] = []
  const worker: SendingRun[] = []
  const plain: SendingRun[] = []
  for (let round = 1; round <= bench.rounds; round++) {
    bare.push(tell(bench, 'bare loop', await withEndpoint(async (endpoint) => runBareLoop(endpoint, window, round))))
    worker.push(
      tell(bench, 'send-worker', await withEndpoint(async (endpoint) => runSendWorker(bench, endpoint, window, round))),
    )
    plain.push(
      tell(bench, 'job-per-message', await withEndpoint(async (endpoint) => runPlain(endpoint, window, round))),
    )
  }
  return sendFigures(bare, worker, plain)
}

function sendFigures(
  bare: readonly SendingRun[],
  worker: readonly SendingRun[],
  plain: readonly SendingRun[],
): Figure[] {
  const [bareRates, rates, plainRates] = [perSecond(bare), perSecond(worker), perSecond(plain)]
  return [
    figure(
      'endpoint, answers a second of CPU',
      'answers/s',
      bare.map((run) => run.messagesPerSecond / run.endpointBusy),
      {
        atLeast: 40_000,
      },
    ),
    figure('send, bare undici loop', 'messages/s', bareRates, null, sizeNote(bare)),
    figure('send, job-per-message', 'messages/s', plainRates, null, sizeNote(plain)),
    figure('send, one send-worker', 'messages/s', rates, null, sizeNote(worker)),
    figure('send-worker against job-per-message', '×', ratios(rates, plainRates), { atLeast: 4 }),
    figure('send-worker against the bare loop', '×', ratios(rates, bareRates), { atLeast: 0.8 }),
    figure('Redis commands a message, job-per-message', 'commands', commands(plain), null, plain[0]?.busiest),
    figure('Redis commands a message, send-worker', 'commands', commands(worker), { atMost: 0.5 }, worker[0]?.busiest),
  ]
}

const perSecond = (runs: readonly SendingRun[]): number[] => runs.map((run) => run.messagesPerSecond)
const commands = (runs: readonly SendingRun[]): number[] => runs.flatMap((run) => run.commandsPerMessage ?? [])

function sizeNote([run]: readonly SendingRun[]): string {
  return run === undefined ? '' : `${Math.round(run.requestBytes)} bytes a request`
}

function tell(bench: Bench, name: string, run: SendingRun): SendingRun {
  const busy = `endpoint ${Math.round(run.endpointBusy * 100)} % busy`
  bench.say(`send: ${name} ${Math.round(run.messagesPerSecond)} messages/s, ${busy}`)
  return run
}

async function withEndpoint<T>(work: (endpoint: Endpoint) => Promise<T>): Promise<T> {
  const endpoint = await startEndpoint()
  try {
    return await work(endpoint)
  } finally {
    await endpoint.stop()
  }
}

async function runBareLoop(endpoint: Endpoint, window: SendingWindow, seed: number): Promise<SendingRun> {
  const body = plainBody(randomRecipient(seededRandom(seed)), 'v1.chasqui.mb8k2q1xa7c3f9zp.2s8z.1')
  const loop = startChild(new URL('baseline/bare-loop.ts', import.meta.url), [endpoint.url, body])
  try {
    return await measureSending(endpoint, window, null)
  } finally {
    await loop.stop()
  }
}

async function runPlain(endpoint: Endpoint, window: SendingWindow, seed: number): Promise<SendingRun> {
  const redis = await startRedis()
  try {
    await fillPlainQueue(redis.url, supply(window, PLAIN_FASTEST_PER_SECOND), seed)
    const worker = startChild(new URL('baseline/job-per-message.ts', import.meta.url), [endpoint.url, redis.url])
    try {
      return await measureSending(endpoint, window, redis.url)
    } finally {
      await worker.stop()
    }
  } finally {
    await redis.stop()
  }
}

async function runSendWorker(
  bench: Bench,
  endpoint: Endpoint,
  window: SendingWindow,
  seed: number,
): Promise<SendingRun> {
  const redis = await startRedis()
  try {
    return await withProfiles(bench.profile, bench.say, async (profileDir) => {
      const plainApps = await configureApps({ redisUrl: redis.url, endpointUrl: endpoint.url, profileDir: null })
      const measuredApps = await configureApps({ redisUrl: redis.url, endpointUrl: endpoint.url, profileDir })
      try {
        const producer = await plainApps.startProducer()
        const campaign = await createCampaign(producer.url)
        await appendCsv(producer.url, campaign, csvPieces({ recipients: supply(window, FASTEST_PER_SECOND), seed }))
        await launch(producer.url, campaign)
        const worker = await measuredApps.startSendWorker()
        const run = await measureSending(endpoint, window, redis.url)
        const exit = await worker.stop()
        if (exit.code !== 0) throw new Error(`the send-worker ended with ${exit.code ?? exit.signal}`)
        await refuseDisagreement(endpoint, await readCounts(producer.url, campaign))
        return run
      } finally {
        await Promise.all([plainApps.stop(), measuredApps.stop()])
      }
    })
  } finally {
    await redis.stop()
  }
}

/** A rate is worth nothing when the messages were not accounted for: the ledger and the endpoint must say the same. */
async function refuseDisagreement(endpoint: Endpoint, counts: Readonly<Record<string, number>>): Promise<void> {
  const { count } = await endpoint.read()
  if (counts['accepted'] !== count) {
    throw new Error(`the endpoint answered ${count} messages and the ledger says ${JSON.stringify(counts)}`)
  }
}

function supply({ warmUpMs, windowMs }: SendingWindow, fastestPerSecond: number): number {
  // Half a second more for the way from the first answer seen to the window.
  return Math.ceil(((warmUpMs + windowMs + 500) / 1000) * fastestPerSecond)
}
