/**
 * The control group: the sender most people would write with BullMQ. One job a message under a fixed id, six attempts with
 * backoff, everything else as BullMQ has it. Arguments: the endpoint's URL, Redis' URL, the access token. Prints `ready`.
 */
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'

import { PLAIN_CAMPAIGN, PLAIN_QUEUE } from './job.ts'
import type { PlainJob } from './job.ts'

const [url, redisUrl, token] = process.argv.slice(2)
if (url === undefined || redisUrl === undefined || token === undefined)
  throw new Error('usage: plain-sender.ts <endpoint> <redis> <token>')

const connection = new Redis(redisUrl, { maxRetriesPerRequest: null })
connection.on('error', () => {})
const worker = new Worker<PlainJob>(
  PLAIN_QUEUE,
  async ({ data }) => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        messaging_product: 'whatsapp',
        recipient_type: 'individual',
        to: data.to,
        type: 'template',
        template: { name: 'chaos', language: { policy: 'deterministic', code: 'en' }, components: [] },
        product_policy: 'STRICT',
        biz_opaque_callback_data: `v1.plain.${PLAIN_CAMPAIGN}.${data.ordinal.toString(36)}.1`,
      }),
      signal: AbortSignal.timeout(2_000),
    })
    const sent = (await answer.json()) as { readonly messages?: readonly unknown[] }
    if (!answer.ok || sent.messages === undefined) throw new Error(`refused: ${answer.status}`)
  },
  { connection, concurrency: 30, limiter: { max: 20, duration: 100 } },
)
worker.on('error', () => {})
await worker.waitUntilReady()
console.log(JSON.stringify({ msg: 'ready', port: 0, metricsPort: 0 }))
