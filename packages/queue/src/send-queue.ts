import { Queue } from 'bullmq'
import type { ConnectionOptions } from 'bullmq'

/** Somebody should look at this chunk of this campaign. A wake-up call, never the record: the ledger decides. */
export type Visit = { readonly campaign: string; readonly chunk: number }

/** What a send job carries. `v` grows when the meaning changes; an older worker leaves a newer job in peace. */
export type VisitJob = Visit & { readonly v: 1 }

export type QueueDepth = { readonly waiting: number; readonly active: number; readonly delayed: number }

/** How a campaign's share of its sender compares: a chunk of a `high` campaign costs a quarter of a `low` one's time. */
export const STRIDES = { high: 1, normal: 2, low: 4 } as const
export type Priority = keyof typeof STRIDES

/** BullMQ orders by priorities from 1 to 2^21 - 1; past the end chunks queue in order of arrival. */
const LATEST_VIRTUAL_TIME = 2 ** 21 - 1

/** BullMQ adds a bulk as one pipeline; more than this at once only grows its buffers. */
const BULK = 500

/** The queue of one sender. Its keys share a hash tag, so a Redis Cluster spreads senders over its nodes. */
export function sendQueueName(senderId: string): string {
  return `{send-${senderId}}`
}

/** Deterministic, so that adding a visit twice is harmless while the first one waits or runs. */
export function visitId(visit: Visit): string {
  return `${visit.campaign}.${visit.chunk}`
}

/**
 * The order of chunks at one sender, by virtual time: a new campaign starts where the queue stands now, and each of its
 * chunks comes one stride later. So campaigns interleave, a small one is not stuck behind a large one, and a larger
 * stride means a smaller share but never none (start-time fair queueing; Goyal, Vin and Cheng 1996).
 */
export function virtualTime(head: number, position: number, priority: Priority): number {
  return Math.min(head + (position + 1) * STRIDES[priority], LATEST_VIRTUAL_TIME)
}

export class SendQueue {
  readonly #queue: Queue<VisitJob>

  constructor(connection: ConnectionOptions, prefix: string, senderId: string) {
    this.#queue = new Queue<VisitJob>(sendQueueName(senderId), {
      connection,
      prefix,
      defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
    })
    // Connection errors are reported by the connection's owner; without a listener Node would end the process.
    this.#queue.on('error', () => {})
  }

  /**
   * Ask for visits. Those already waiting or running are left alone. Not atomic: after a crash some may be missing, and
   * the sweeper adds them again.
   */
  async addVisits(visits: readonly Visit[], priority: Priority): Promise<void> {
    const head = await this.#head()
    for (let from = 0; from < visits.length; from += BULK) {
      await this.#queue.addBulk(
        visits.slice(from, from + BULK).map((visit, index) => ({
          name: 'visit',
          data: { v: 1, campaign: visit.campaign, chunk: visit.chunk },
          opts: { jobId: visitId(visit), priority: virtualTime(head, from + index, priority) },
        })),
      )
    }
  }

  async depth(): Promise<QueueDepth> {
    const counts = await this.#queue.getJobCounts('wait', 'prioritized', 'active', 'delayed')
    return {
      waiting: (counts['wait'] ?? 0) + (counts['prioritized'] ?? 0),
      active: counts['active'] ?? 0,
      delayed: counts['delayed'] ?? 0,
    }
  }

  async close(): Promise<void> {
    await this.#queue.close()
  }

  /** The virtual time at which the queue stands: that of the job to be fetched next; 0 when none waits. */
  async #head(): Promise<number> {
    const [next] = await this.#queue.getPrioritized(0, 0)
    return next?.priority ?? 0
  }
}
