import { rateInForce } from '@chasqui/delivery'
import type { RedisClock } from '@chasqui/delivery'
import { pause } from '@chasqui/runtime'
import type { QueueDepth } from '@chasqui/queue'
import type { Senders } from '@chasqui/store'

import type { Capacity } from './capacity.ts'
import type { ConfiguredSender } from './config.ts'
import type { SendMetrics } from './metrics.ts'
import type { Roster } from './roster.ts'

export type WatcherOptions = {
  readonly metrics: SendMetrics
  readonly senders: Senders
  readonly roster: Roster
  readonly clock: RedisClock
  readonly capacity: Capacity
}

type SeenSender = {
  readonly id: string
  readonly reasons: readonly string[]
  readonly limit: number
  readonly depth: QueueDepth | null
}

const EVERY_MS = 1_000

/** Keeps the gauges of shared things up to date: queues, limits, blocks. */
export class Watcher {
  readonly #options: WatcherOptions
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(options: WatcherOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = this.#loop()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      // Redis away shows in other metrics; these keep their last values until it is back.
      await this.#look().catch(() => {})
      await pause(EVERY_MS, this.#stop.signal)
    }
  }

  async #look(): Promise<void> {
    const { metrics, roster, capacity } = this.#options
    metrics.inFlight.set(capacity.taken)
    const seen = await Promise.all(roster.configured().map(async (sender) => await this.#lookAt(sender)))
    // Reasons that are over must disappear, not stay at their last value.
    metrics.blocked.reset()
    for (const sender of seen) this.#show(sender)
  }

  async #lookAt({
    id,
    messagesPerSecond: configured,
    maxMessagesPerSecond: cap,
  }: ConfiguredSender): Promise<SeenSender> {
    const { senders, roster, clock } = this.#options
    const [blocks, pacing, depth] = await Promise.all([
      senders.blocks(id, clock.now()),
      senders.pacing(id),
      roster.get(id)?.queue.depth(),
    ])
    return {
      id,
      reasons: [...blocks.keys()],
      limit: rateInForce({ ...pacing.said, configured, cap }).messagesPerSecond * pacing.factor,
      depth: depth ?? null,
    }
  }

  #show({ id, reasons, limit, depth }: SeenSender): void {
    const { metrics } = this.#options
    for (const reason of reasons) metrics.blocked.set({ sender: id, reason }, 1)
    // A free sender shows a 0, so that `max by (sender)` is 1 exactly for blocked ones.
    if (reasons.length === 0) metrics.blocked.set({ sender: id, reason: 'none' }, 0)
    metrics.rateLimit.set({ sender: id }, limit)
    for (const [state, jobs] of Object.entries(depth ?? {})) metrics.queue.set({ queue: `send-${id}`, state }, jobs)
  }
}
