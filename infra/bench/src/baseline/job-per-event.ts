/**
 * Baseline: the status receiver most people would write. fastify takes a webhook, checks its signature, queues a BullMQ
 * job for each status and answers 200; a worker (concurrency 100) counts each status once by SET NX and HINCRBY.
 *
 * Own process; arguments: Redis' URL, app secret. Says `{ port }`; works until its parent lets go.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { Queue, Worker } from 'bullmq'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { WEBHOOK_PATH } from '../webhook/signed-request.ts'
import { EVENT_QUEUE, PLAIN_COUNTS, type PlainStatus } from './job.ts'

const [redisUrl, appSecret] = process.argv.slice(2)
if (redisUrl === undefined || appSecret === undefined) throw new Error('usage: job-per-event.ts <redis> <app secret>')

type Envelope = { entry: { changes: { value: { statuses?: PlainStatus[] } }[] }[] }

const connection = new Redis(redisUrl, { maxRetriesPerRequest: null })
const queue = new Queue<PlainStatus>(EVENT_QUEUE, { connection, defaultJobOptions: { removeOnComplete: true } })
const worker = new Worker<PlainStatus>(EVENT_QUEUE, async ({ data }) => count(data), {
  connection: connection.duplicate(),
  concurrency: 100,
})
worker.on('error', (error) => {
  throw error
})

const DAY_SECONDS = 86_400

async function count({ id, status }: PlainStatus): Promise<void> {
  const isNew = await connection.set(`seen:${id}:${status}`, 1, 'EX', DAY_SECONDS, 'NX')
  if (isNew !== null) await connection.hincrby(PLAIN_COUNTS, status, 1)
}

const app = Fastify()
app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
app.post(WEBHOOK_PATH, async (request, reply) => {
  const raw = request.body as Buffer
  if (!isGenuine(raw, String(request.headers['x-hub-signature-256']))) return reply.code(401).send()
  const { entry } = JSON.parse(raw.toString()) as Envelope
  const statuses = entry.flatMap(({ changes }) => changes.flatMap(({ value }) => value.statuses ?? []))
  await Promise.all(statuses.map(async (status) => queue.add('status', status)))
  return reply.code(200).send()
})

function isGenuine(raw: Buffer, header: string): boolean {
  const expected = Buffer.from(
    `sha256=${createHmac('sha256', appSecret ?? '')
      .update(raw)
      .digest('hex')}`,
  )
  const given = Buffer.from(header)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

await app.listen({ host: '127.0.0.1', port: 0 })
process.send?.({ port: (app.server.address() as AddressInfo).port })
process.on('disconnect', () => process.exit(0))
