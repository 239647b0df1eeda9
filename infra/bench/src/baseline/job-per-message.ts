/**
 * Baseline: the sender most people would write. One BullMQ job a message, concurrency 100 (200 and 500 were slower),
 * undici's `request`, the answer parsed as JSON, jobs removed when done. No ledger, no rate limit, no deadline.
 *
 * Own process; argument 1: the endpoint's URL, argument 2: Redis' URL. It works until its parent lets go.
 */
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { request } from 'undici'
import { ACCESS_TOKEN, MESSAGES_PATH, plainBody } from '../message.ts'
import { PLAIN_QUEUE, type PlainJob } from './job.ts'

const [url, redisUrl] = process.argv.slice(2)
if (url === undefined || redisUrl === undefined) throw new Error('usage: job-per-message.ts <endpoint> <redis>')

const headers = { authorization: `Bearer ${ACCESS_TOKEN}`, 'content-type': 'application/json' }
const connection = new Redis(redisUrl, { maxRetriesPerRequest: null })
const worker = new Worker<PlainJob>(
  PLAIN_QUEUE,
  async ({ data }) => {
    const body = plainBody(data, `${data.campaign}.${data.ordinal}`)
    const answer = await request(`${url}${MESSAGES_PATH}`, { method: 'POST', headers, body })
    const sent = (await answer.body.json()) as { messages?: [{ id: string }] }
    if (answer.statusCode !== 200 || sent.messages === undefined) throw new Error(`refused: ${answer.statusCode}`)
  },
  { connection, concurrency: 100 },
)
worker.on('error', (error) => {
  throw error
})
process.on('disconnect', () => process.exit(0))
