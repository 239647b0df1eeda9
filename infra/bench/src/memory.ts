import { startRedis } from '@chasqui/harness'
import type { RedisClient } from '@chasqui/store'
import { configureApps, type Correlation, PREFIX } from './apps.ts'
import { messageIdOf } from './endpoint/answer.ts'
import { startEndpoint } from './endpoint/control.ts'
import { type Figure, figure } from './figure.ts'
import { drain } from './fold.ts'
import { Ledgers, sendCampaigns } from './ledgers.ts'
import { readRedisCounters } from './measure/redis-info.ts'
import type { Bench, RunPart } from './part.ts'
import { type SentCampaign, statusBodies } from './statuses.ts'

const EVENTS_A_BODY = 10
const SEND_PATIENCE_MS = 1_200_000
const SCANNED_AT_ONCE = 1_000
const REDIS = { config: { 'auto-aof-rewrite-percentage': '0' } }
const REACH: Readonly<Record<Correlation, number>> = { callback_data: 8, message_id: 32 }
const NAMES: Readonly<Record<Correlation, string>> = {
  callback_data: 'callback data',
  message_id: 'message ids',
}

/**
 * Bytes of Redis a recipient that stay when a campaign is sent and all its statuses are folded: everything Redis holds beyond
 * an empty start, but for the stored recipients (chunks and number set) and the log of webhooks, which is bounded by its own setting.
 */
export const runMemory: RunPart = async (bench) => {
  const figures: Figure[] = []
  for (const correlation of ['callback_data', 'message_id'] as const)
    figures.push(...(await measure(bench, correlation)))
  return figures
}

async function measure(bench: Bench, correlation: Correlation): Promise<Figure[]> {
  const redis = await startRedis(REDIS)
  const endpoint = await startEndpoint()
  const ledgers = new Ledgers(redis)
  const { client, keys } = ledgers
  const setup = { redisUrl: redis.url, endpointUrl: endpoint.url, profileDir: null, correlation }
  const apps = await configureApps(setup)
  try {
    const recipients = bench.quick ? 20_000 : 1_000_000
    const empty = await readRedisCounters(redis.url)
    const campaigns = await sendCampaigns(apps, ledgers, {
      campaigns: 1,
      recipients,
      seed: 1,
      patienceMs: SEND_PATIENCE_MS,
    })
    bench.say(`memory: ${recipients} sent, statuses known by ${NAMES[correlation]}`)
    const rate = await drain(apps, ledgers, campaigns, bodiesOf(campaigns, correlation))
    await client.del(keys.webhookLog())
    const kept = (await readRedisCounters(redis.url)).keyBytes - empty.keyBytes
    const stored = await bytesOf(client, keys.prefix, (key) => /}:(?:chunk:|numbers:)/.test(key))
    const sent = campaigns.reduce((sum, { ordinals }) => sum + ordinals.length, 0)
    const note = `${sent} recipients sent to, 3 statuses each; without chunks and number set, ${(stored / sent).toFixed(1)} bytes`
    return [
      figure(
        `Redis bytes a recipient, statuses known by ${NAMES[correlation]}`,
        'bytes',
        [(kept - stored) / sent],
        // What there is once, whatever the number, weighs too much with few.
        bench.quick ? null : { atMost: REACH[correlation] },
        note,
      ),
      figure(
        `fold, statuses known by ${NAMES[correlation]}, one campaign, ten events a body`,
        'events/s',
        [rate],
        // Three statuses a message at the highest rate that Meta gives to a number.
        correlation === 'message_id' ? { atLeast: 10_000 } : null,
      ),
    ]
  } finally {
    await apps.stop()
    await ledgers.close()
    await endpoint.stop()
    await redis.stop()
  }
}

/** The endpoint gives its ids by request, so where ids alone are told, requests stand for recipients: each got one message. */
function bodiesOf(campaigns: readonly SentCampaign[], correlation: Correlation): Iterable<string> {
  const common = { environment: PREFIX, eventsPerBody: EVENTS_A_BODY, seed: 1 }
  if (correlation === 'callback_data') return statusBodies({ ...common, campaigns })
  const messages = campaigns.map(({ id, ordinals }) => ({ id, ordinals: [...ordinals.keys()] }))
  return statusBodies({ ...common, campaigns: messages, messageIdOf })
}

/** What the keys of these names take, by Redis' own word. */
async function bytesOf(client: RedisClient, prefix: string, isCounted: (key: string) => boolean): Promise<number> {
  let [cursor, bytes] = ['0', 0]
  do {
    const [next, keys] = await scan(client, cursor, prefix)
    const sizes = await Promise.all(
      keys.filter(isCounted).map(async (key) => Number(await client.call('MEMORY', 'USAGE', key, 'SAMPLES', '0'))),
    )
    bytes += sizes.reduce((sum, size) => sum + size, 0)
    cursor = next
  } while (cursor !== '0')
  return bytes
}

async function scan(client: RedisClient, cursor: string, prefix: string): Promise<[string, string[]]> {
  return (await client.call('SCAN', cursor, 'MATCH', `${prefix}:*`, 'COUNT', String(SCANNED_AT_ONCE))) as [
    string,
    string[],
  ]
}
