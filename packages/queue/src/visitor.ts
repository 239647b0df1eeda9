import { DelayedError, Worker } from 'bullmq'
import type { ConnectionOptions, Job } from 'bullmq'

import { sendQueueName } from './send-queue.ts'
import type { Visit, VisitJob } from './send-queue.ts'

/** What a visit came to: nothing left to do here, or somebody should come back at a time (ms). */
export type VisitResult = { readonly kind: 'done' } | { readonly kind: 'again'; readonly at: number }

export type VisitorOptions = {
  readonly connection: ConnectionOptions
  readonly prefix: string
  readonly senderId: string
  /** Chunks visited at a time. */
  readonly concurrency: number
  /** `signal` aborts when the job's lock was lost or the worker stops: begin nothing new. */
  readonly visit: (visit: Visit, signal: AbortSignal) => Promise<VisitResult>
  /** Told of jobs that threw and of connection errors; the ledger is unharmed by either. */
  readonly onError: (error: Error) => void
}

/** How long a newer job is left for a newer worker before it is looked at again, ms. */
const NEWER_JOB_PAUSE = 30_000
/** How soon a visit that threw is made again, ms. */
const FAILED_VISIT_PAUSE = 2_000

/**
 * Fetches visits of one sender and runs them.
 *
 * The settings are the same in every process, for BullMQ's stalled check is shared: the first worker's interval holds for
 * all. A lock is no fence (the ledger's claims are), so it may be short: the chunks of a killed worker are visited again
 * within some 20 s. `maxStalledCount` is high because two crashes or deploys while a job is held must not fail it unrun.
 */
export class Visitor {
  readonly #worker: Worker<VisitJob>
  readonly #stop = new AbortController()

  constructor(options: VisitorOptions) {
    this.#worker = new Worker<VisitJob>(
      sendQueueName(options.senderId),
      // Three declared parameters: BullMQ hands out an abort signal only then.
      async (job, token, signal) => {
        const stop = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal])
        await settle(job, token, await run(job, options, stop))
      },
      {
        connection: options.connection,
        prefix: options.prefix,
        concurrency: options.concurrency,
        autorun: false,
        lockDuration: 15_000,
        stalledInterval: 5_000,
        maxStalledCount: 1_000,
        removeOnComplete: { count: 0 },
        removeOnFail: { count: 0 },
      },
    )
    this.#worker.on('error', options.onError)
    this.#worker.on('failed', (_job, error) => options.onError(error))
    this.#worker.on('lockRenewalFailed', (ids: string[]) => {
      for (const id of ids) this.#worker.cancelJob(id, 'the lock was lost')
    })
  }

  start(): void {
    this.#worker
      .run()
      .catch((error: unknown) => this.#worker.emit('error', error instanceof Error ? error : new Error(String(error))))
  }

  /** Begin nothing new; resolves when every running visit has ended. May be called twice. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#worker.close()
  }
}

/** A visit that throws (Redis was away in the middle) is made again soon: failing the job would leave its chunk to the sweeper. */
async function run(job: Job<VisitJob>, { visit, onError }: VisitorOptions, signal: AbortSignal): Promise<VisitResult> {
  if (job.data.v !== 1) return { kind: 'again', at: Date.now() + NEWER_JOB_PAUSE }
  try {
    return await visit({ campaign: job.data.campaign, chunk: job.data.chunk }, signal)
  } catch (error) {
    onError(error instanceof Error ? error : new Error(String(error)))
    return { kind: 'again', at: Date.now() + FAILED_VISIT_PAUSE }
  }
}

async function settle(job: Job<VisitJob>, token: string | undefined, result: VisitResult): Promise<void> {
  if (result.kind === 'done') return
  await job.moveToDelayed(result.at, token)
  throw new DelayedError()
}
