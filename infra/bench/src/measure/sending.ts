import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint, EndpointReading } from '../endpoint/control.ts'
import { ratePerSecond } from '../statistics.ts'
import { busiestCommands, readRedisCounters } from './redis-info.ts'

export type SendingWindow = {
  /** From the first answer on: V8 compiles, connections open, windows fill. */
  readonly warmUpMs: number
  readonly windowMs: number
}

/** What one contender did in the window, by the endpoint's and Redis' own counters. */
export type SendingRun = {
  readonly messagesPerSecond: number
  /** Headers and body: shows that the contenders post alike. */
  readonly requestBytes: number
  /** Share of one core the endpoint was busy; near 1 it would be what limits the sender. */
  readonly endpointBusy: number
  /** Redis commands a message, those inside scripts included; `null` for a sender without Redis. */
  readonly commandsPerMessage: number | null
  readonly busiest: string
}

/**
 * Watches a sender that has just been started. Its supply must outlast the window: when the second half of the window is
 * far slower than the first it has run dry, and the run is refused rather than averaged.
 */
export async function measureSending(
  endpoint: Endpoint,
  { warmUpMs, windowMs }: SendingWindow,
  redisUrl: string | null,
): Promise<SendingRun> {
  await firstAnswer(endpoint)
  await sleep(warmUpMs)

  const redisFrom = redisUrl === null ? null : await readRedisCounters(redisUrl)
  const from = await endpoint.read()
  await sleep(windowMs / 2)
  const middle = await endpoint.read()
  await sleep(windowMs / 2)
  const to = await endpoint.read()
  const redisTo = redisUrl === null ? null : await readRedisCounters(redisUrl)

  refuseDry(from, middle, to)
  const messages = to.count - from.count
  return {
    messagesPerSecond: ratePerSecond(from, to),
    requestBytes: (to.receivedBytes - from.receivedBytes) / messages,
    endpointBusy: (to.cpuMs - from.cpuMs) / (to.atMs - from.atMs),
    commandsPerMessage: redisFrom && redisTo && (redisTo.commands - redisFrom.commands) / messages,
    busiest: redisFrom && redisTo ? busiestCommands(redisFrom, redisTo, messages) : '',
  }
}

async function firstAnswer(endpoint: Endpoint): Promise<void> {
  const before = (await endpoint.read()).count
  const deadline = performance.now() + 30_000
  while ((await endpoint.read()).count === before) {
    if (performance.now() > deadline) throw new Error('nothing was sent within 30 s')
    await sleep(20)
  }
}

function refuseDry(from: EndpointReading, middle: EndpointReading, to: EndpointReading): void {
  const [first, second] = [ratePerSecond(from, middle), ratePerSecond(middle, to)]
  if (second < first / 2) {
    throw new Error(`the sender fell from ${Math.round(first)} to ${Math.round(second)} messages/s: it ran out of work`)
  }
}
