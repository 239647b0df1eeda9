import { startRedis } from '@chasqui/harness'
import type { PrivateRedis } from '@chasqui/harness'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'

import { ScheduleQueue, Scheduler } from '../src/schedule-queue.ts'
import type { Firing } from '../src/schedule-queue.ts'
import { SendQueue, sendQueueName } from '../src/send-queue.ts'
import type { Visit } from '../src/send-queue.ts'
import { Visitor } from '../src/visitor.ts'
import type { VisitorOptions } from '../src/visitor.ts'

let redis: PrivateRedis
let connection: Redis
const cleanup: Array<() => Promise<unknown>> = []

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(async () => {
  await redis.stop()
})
beforeEach(async () => {
  connection = new Redis(redis.url, { maxRetriesPerRequest: null })
  await connection.flushall()
})
afterEach(async () => {
  for (const end of cleanup.splice(0).toReversed()) await end()
  connection.disconnect()
})

function sendQueue(): SendQueue {
  const queue = new SendQueue(connection, 'test', 's1')
  cleanup.push(async () => await queue.close())
  return queue
}

function visitor(visit: VisitorOptions['visit'], onError: (error: Error) => void = () => {}): Visitor {
  const made = new Visitor({ connection, prefix: 'test', senderId: 's1', concurrency: 2, visit, onError })
  cleanup.push(async () => await made.stop())
  made.start()
  return made
}

/** Resolves when it has been called `times` times. */
function calls(times: number): { readonly all: Promise<void>; readonly call: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  let left = times
  return { all: promise, call: () => --left === 0 && resolve() }
}

test('asking twice for a visit makes it once, and again after it is done', async () => {
  const queue = sendQueue()
  await queue.addVisits([{ campaign: 'c', chunk: 0 }], 'normal')
  await queue.addVisits(
    [
      { campaign: 'c', chunk: 0 },
      { campaign: 'c', chunk: 1 },
    ],
    'normal',
  )
  expect(await queue.depth()).toEqual({ waiting: 2, active: 0, delayed: 0 })
  const seen: Visit[] = []
  const two = calls(2)
  const three = calls(3)
  visitor(async (visit) => {
    seen.push(visit)
    two.call()
    three.call()
    return { kind: 'done' }
  })
  await two.all
  await expect.poll(async () => await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 0 })
  await queue.addVisits([{ campaign: 'c', chunk: 0 }], 'normal')
  await three.all
  expect(seen.map(({ chunk }) => chunk)).toEqual([0, 1, 0])
})

test('chunks of a later campaign come between those of an earlier one', async () => {
  const queue = sendQueue()
  await queue.addVisits(
    Array.from({ length: 6 }, (_, chunk) => ({ campaign: 'a', chunk })),
    'normal',
  )
  await queue.addVisits(
    Array.from({ length: 2 }, (_, chunk) => ({ campaign: 'b', chunk })),
    'normal',
  )
  const seen: string[] = []
  const eight = calls(8)
  const one = new Visitor({
    connection,
    prefix: 'test',
    senderId: 's1',
    concurrency: 1,
    visit: async ({ campaign }) => {
      seen.push(campaign)
      eight.call()
      return { kind: 'done' }
    },
    onError: () => {},
  })
  cleanup.push(async () => await one.stop())
  one.start()
  await eight.all
  expect(seen.lastIndexOf('b')).toBeLessThan(6)
})

test('a visit that should come again comes again, no earlier than asked', async () => {
  const queue = sendQueue()
  const times: number[] = []
  const two = calls(2)
  visitor(async () => {
    times.push(Date.now())
    two.call()
    return times.length === 1 ? { kind: 'again', at: Date.now() + 300 } : { kind: 'done' }
  })
  await queue.addVisits([{ campaign: 'c', chunk: 0 }], 'normal')
  await two.all
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(295)
})

test('a visit that throws is told of and made again, not lost', async () => {
  const queue = sendQueue()
  const errors: string[] = []
  const two = calls(2)
  let visits = 0
  visitor(
    async () => {
      two.call()
      if (++visits === 1) throw new Error('Redis was away')
      return { kind: 'done' }
    },
    (error) => errors.push(error.message),
  )
  await queue.addVisits([{ campaign: 'c', chunk: 0 }], 'normal')
  await two.all
  expect(errors).toEqual(['Redis was away'])
})

test('a job of a newer version is left for a newer worker', async () => {
  const raw = new Queue(sendQueueName('s1'), { connection, prefix: 'test' })
  cleanup.push(async () => await raw.close())
  const seen: Visit[] = []
  await raw.add('visit', { v: 2, campaign: 'c', chunk: 0, more: 'x' }, { jobId: 'c.0' })
  visitor(async (visit) => {
    seen.push(visit)
    return { kind: 'done' }
  })
  await expect.poll(async () => await raw.getDelayedCount()).toBe(1)
  expect(seen).toEqual([])
})

test('stopping lets a visit end, tells it to, and begins no other', async () => {
  const queue = sendQueue()
  await queue.addVisits(
    Array.from({ length: 5 }, (_, chunk) => ({ campaign: 'c', chunk })),
    'normal',
  )
  let begun = 0
  let ended = 0
  const two = calls(2)
  const stopping = visitor(async (_visit, signal) => {
    begun += 1
    two.call()
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    ended += 1
    return { kind: 'done' }
  })
  await two.all
  await stopping.stop()
  await stopping.stop()
  expect({ begun, ended }).toEqual({ begun: 2, ended: 2 })
  expect((await queue.depth()).waiting).toBe(3)
})

function schedulers(count: number, fired: (firing: Firing) => void): ScheduleQueue {
  const queue = new ScheduleQueue(connection, 'test')
  cleanup.push(async () => await queue.close())
  for (let index = 0; index < count; index++) {
    const scheduler = new Scheduler({
      connection,
      prefix: 'test',
      fire: async (firing) => fired(firing),
      onError: () => {},
    })
    cleanup.push(async () => await scheduler.stop())
  }
  return queue
}

test('a start at an instant fires once, whatever the number of listeners, and at once when it has passed', async () => {
  const firings: Firing[] = []
  const two = calls(2)
  const queue = schedulers(4, (firing) => {
    firings.push(firing)
    two.call()
  })
  const soon = Date.now() + 200
  await Promise.all([queue.startAt('a', soon), queue.startAt('a', soon), queue.startAt('b', 5_000)])
  await two.all
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(firings.toSorted((x, y) => x.at - y.at)).toEqual([
    { campaign: 'b', at: 5_000, recurring: false },
    { campaign: 'a', at: soon, recurring: false },
  ])
})

test('a pattern fires again and again, each time once, and names when it was due', async () => {
  const firings: Firing[] = []
  const three = calls(3)
  const queue = schedulers(3, (firing) => {
    firings.push(firing)
    three.call()
  })
  await Promise.all([
    queue.repeat('daily', '* * * * * *', 'America/Sao_Paulo'),
    queue.repeat('daily', '* * * * * *', 'America/Sao_Paulo'),
  ])
  await three.all
  await queue.forget('daily', null)
  const dues = firings.map(({ at }) => at)
  expect(new Set(dues).size).toBe(dues.length)
  expect(firings.every(({ campaign, recurring, at }) => campaign === 'daily' && recurring && at % 1_000 === 0)).toBe(
    true,
  )
  expect(await queue.nextRun('daily')).toBeNull()
})

test('the time zone counts', async () => {
  const queue = schedulers(0, () => {})
  await queue.repeat('monday', '0 9 * * MON', 'America/Sao_Paulo')
  const next = new Date((await queue.nextRun('monday')) ?? 0)
  // Nine in the morning in São Paulo, three hours behind UTC since 2019.
  expect([next.getUTCDay(), next.getUTCHours(), next.getUTCMinutes()]).toEqual([1, 12, 0])
})
