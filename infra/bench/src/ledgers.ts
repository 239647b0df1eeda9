import { type PrivateRedis } from '@chasqui/harness'
import { closeRedis, connectRedis, Keys, type RedisClient } from '@chasqui/store'
import { type Apps, PREFIX } from './apps.ts'
import { acceptedOrdinals, countFolded } from './measure/facts.ts'
import { csvPieces } from './recipients.ts'
import type { SentCampaign } from './statuses.ts'
import { appendCsv, createCampaign, launch, readCounts } from './upstream.ts'
import { until } from './until.ts'

const SEND_PATIENCE_MS = 60_000

/** A look into the ledgers of a bench's Redis: what was sent, what was folded. */
export class Ledgers {
  readonly keys = new Keys(PREFIX)
  readonly client: RedisClient

  constructor(redis: PrivateRedis) {
    this.client = connectRedis(redis.url, 'ledger', (error) => {
      throw error
    })
  }

  /** How many events of these campaigns have been folded; each event comes once (statuses.ts). */
  async countFolded(campaigns: readonly SentCampaign[]): Promise<number> {
    const facts = await Promise.all(campaigns.map(async ({ id }) => this.client.getBuffer(this.keys.facts(id))))
    return facts.reduce((sum, bytes) => sum + (bytes === null ? 0 : countFolded(bytes)), 0)
  }

  async acceptedOrdinals(campaign: string): Promise<number[]> {
    return acceptedOrdinals((await this.client.getBuffer(this.keys.states(campaign))) ?? new Uint8Array())
  }

  async close(): Promise<void> {
    await closeRedis(this.client)
  }
}

/** Campaigns that the real producer took in and the real send-worker has sent to the end. */
export async function sendCampaigns(
  apps: Apps,
  ledgers: Ledgers,
  wanted: {
    readonly campaigns: number
    readonly recipients: number
    readonly seed: number
    readonly patienceMs?: number
  },
): Promise<SentCampaign[]> {
  const producer = await apps.startProducer()
  const worker = await apps.startSendWorker()
  const ids: string[] = []
  for (let index = 0; index < wanted.campaigns; index++) {
    const id = await createCampaign(producer.url)
    await appendCsv(producer.url, id, csvPieces({ recipients: wanted.recipients, seed: wanted.seed * 100 + index }))
    await launch(producer.url, id)
    ids.push(id)
  }
  for (const id of ids) {
    const isSent = (counts: Readonly<Record<string, number>>): boolean => counts['recipients'] === counts['accepted']
    await until(wanted.patienceMs ?? SEND_PATIENCE_MS, async () => readCounts(producer.url, id), isSent)
  }
  await worker.stop()
  await producer.stop()
  return Promise.all(ids.map(async (id) => ({ id, ordinals: await ledgers.acceptedOrdinals(id) })))
}
