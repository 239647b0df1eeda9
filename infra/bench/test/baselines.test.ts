import { type PrivateRedis, startRedis } from '@chasqui/harness'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterEach, expect, test } from 'vitest'
import { fillPlainQueue } from '../src/baseline/fill.ts'
import { PLAIN_COUNTS, PLAIN_QUEUE } from '../src/baseline/job.ts'
import { type Child, startChild } from '../src/child.ts'
import { type Endpoint, startEndpoint } from '../src/endpoint/control.ts'
import { startGenerator } from '../src/webhook/control.ts'

let endpoint: Endpoint | null = null
let redis: PrivateRedis | null = null
let child: Child | null = null

afterEach(async () => {
  await child?.stop()
  await endpoint?.stop()
  await redis?.stop()
  child = endpoint = redis = null
})

test('the job-per-message sender sends each job once and leaves nothing behind', async () => {
  endpoint = await startEndpoint()
  redis = await startRedis()
  await fillPlainQueue(redis.url, 2_500, 1)
  const queue = new Queue(PLAIN_QUEUE, { connection: { url: redis.url } })
  expect(await queue.getWaitingCount()).toBe(2_500)
  child = startChild(new URL('../src/baseline/job-per-message.ts', import.meta.url), [endpoint.url, redis.url])
  await expect
    .poll(async () => queue.getJobCounts(), { timeout: 20_000 })
    .toMatchObject({ waiting: 0, active: 0, completed: 0, failed: 0 })
  expect((await endpoint.read()).count).toBe(2_500)
  await queue.close()
})

test('the bare loop posts the body it is given until it is stopped', async () => {
  endpoint = await startEndpoint()
  child = startChild(new URL('../src/baseline/bare-loop.ts', import.meta.url), [
    endpoint.url,
    '{"to":"+5511900000000"}',
  ])
  const readCount = async (): Promise<number> => (await endpoint?.read())?.count ?? 0
  await expect.poll(readCount, { timeout: 20_000 }).toBeGreaterThan(1_000)
  await child.stop()
  const after = await readCount()
  expect(await readCount()).toBe(after)
})

test('the job-per-event receiver counts each signed status once', async () => {
  redis = await startRedis()
  const counts = new Redis(redis.url)
  child = startChild(new URL('../src/baseline/job-per-event.ts', import.meta.url), [redis.url, 'secret'])
  const { port } = await child.hear<{ port: number }>()
  const campaigns = [{ id: 'one', ordinals: Array.from({ length: 300 }, (_, ordinal) => ordinal) }]
  const work = { host: '127.0.0.1', port, appSecret: 'secret', environment: 'bench', eventsPerBody: 1, seed: 1 }
  const generator = await startGenerator({ ...work, campaigns })
  await generator.go()
  const all = { sent: '300', delivered: '300', read: '300' }
  await expect.poll(async () => counts.hgetall(PLAIN_COUNTS), { timeout: 20_000 }).toEqual(all)
  expect(await generator.read()).toMatchObject({ count: 900, refused: 0, left: 0 })
  await generator.stop()
  counts.disconnect()
})

test('a receiver with another secret refuses every one, and the generator says so', async () => {
  redis = await startRedis()
  child = startChild(new URL('../src/baseline/job-per-event.ts', import.meta.url), [redis.url, 'another secret'])
  const { port } = await child.hear<{ port: number }>()
  const work = { host: '127.0.0.1', port, appSecret: 'secret', environment: 'bench', eventsPerBody: 1, seed: 1 }
  const generator = await startGenerator({ ...work, campaigns: [{ id: 'one', ordinals: [0, 1, 2] }] })
  await generator.go()
  await expect.poll(async () => generator.read(), { timeout: 20_000 }).toMatchObject({ count: 9, refused: 9 })
  await generator.stop()
})
