import { startRedis } from '@chasqui/harness'
import { configureApps } from './apps.ts'
import { fillPlainQueue } from './baseline/fill.ts'
import { figure } from './figure.ts'
import { readRedisCounters } from './measure/redis-info.ts'
import type { RunPart } from './part.ts'
import { csvPieces } from './recipients.ts'
import { appendCsv, createCampaign, launch } from './upstream.ts'

/** Bytes of Redis a recipient takes while it waits to be sent: launched, no send-worker running. */
export const runQueue: RunPart = async (bench) => {
  const recipients = bench.quick ? 50_000 : 200_000
  const plainRecipients = bench.quick ? 10_000 : 50_000
  const ours: number[] = []
  const plain: number[] = []
  for (let round = 1; round <= bench.rounds; round++) {
    ours.push(await bytesQueued(recipients, round))
    plain.push(await bytesQueuedPlain(plainRecipients, round))
    bench.say(`queue: ${ours.at(-1)?.toFixed(1)} bytes a recipient, job-per-message ${plain.at(-1)?.toFixed(0)}`)
  }
  return [
    figure('Redis bytes a queued recipient, job-per-message', 'bytes', plain),
    figure('Redis bytes a queued recipient, 3 columns', 'bytes', ours, { atMost: 64 }),
  ]
}

async function bytesQueued(recipients: number, seed: number): Promise<number> {
  const redis = await startRedis()
  const apps = await configureApps({ redisUrl: redis.url, endpointUrl: 'http://127.0.0.1:9', profileDir: null })
  try {
    const producer = await apps.startProducer()
    const before = await readRedisCounters(redis.url)
    const campaign = await createCampaign(producer.url)
    const { accepted } = await appendCsv(producer.url, campaign, csvPieces({ recipients, seed }))
    await launch(producer.url, campaign)
    return ((await readRedisCounters(redis.url)).keyBytes - before.keyBytes) / accepted
  } finally {
    await apps.stop()
    await redis.stop()
  }
}

async function bytesQueuedPlain(recipients: number, seed: number): Promise<number> {
  const redis = await startRedis()
  try {
    const before = await readRedisCounters(redis.url)
    await fillPlainQueue(redis.url, recipients, seed)
    return ((await readRedisCounters(redis.url)).keyBytes - before.keyBytes) / recipients
  } finally {
    await redis.stop()
  }
}
