import { Queue, Worker } from 'bullmq'
import type { ConnectionOptions, Job } from 'bullmq'

const NAME = '{schedule}'

/** A campaign's time has come. `at` is when it was due (ms), the same for every process that hears of it. */
export type Firing = { readonly campaign: string; readonly at: number; readonly recurring: boolean }

type FiringJob = { readonly v: 1; readonly campaign: string }

/** A firing that fails (Redis away in the middle) is tried again until it is through: starting is a guarded transition. */
const UNTIL_DONE = {
  attempts: 1_000_000,
  backoff: { type: 'fixed', delay: 5_000 },
  removeOnComplete: true,
  removeOnFail: true,
} as const

/** When campaigns start: once at an instant, or by cron in a time zone, by BullMQ's delayed jobs and job schedulers. */
export class ScheduleQueue {
  readonly #queue: Queue<FiringJob>

  constructor(connection: ConnectionOptions, prefix: string) {
    this.#queue = new Queue<FiringJob>(NAME, { connection, prefix })
    this.#queue.on('error', () => {})
  }

  /** Start a campaign at an instant (ms). Saying it twice changes nothing. */
  async startAt(campaign: string, at: number): Promise<void> {
    await this.#queue.add(
      'start',
      { v: 1, campaign },
      { ...UNTIL_DONE, jobId: startId(campaign, at), delay: Math.max(0, at - Date.now()) },
    )
  }

  /**
   * Start a run of a campaign whenever `cron` says so in `timezone` (IANA name). Saying it twice changes nothing.
   *
   * @throws when the pattern or the time zone cannot be read.
   */
  async repeat(campaign: string, cron: string, timezone: string): Promise<void> {
    await this.#queue.upsertJobScheduler(
      campaign,
      { pattern: cron, tz: timezone },
      { name: 'run', data: { v: 1, campaign }, opts: UNTIL_DONE },
    )
  }

  /** When a recurring campaign will run next (ms); `null` when it is not scheduled. */
  async nextRun(campaign: string): Promise<number | null> {
    const scheduler = await this.#queue.getJobScheduler(campaign)
    return scheduler?.next ?? null
  }

  /** No further firing of this campaign. */
  async forget(campaign: string, startAt: number | null): Promise<void> {
    await this.#queue.removeJobScheduler(campaign)
    if (startAt !== null) await this.#queue.remove(startId(campaign, startAt))
  }

  async close(): Promise<void> {
    await this.#queue.close()
  }
}

export type SchedulerOptions = {
  readonly connection: ConnectionOptions
  readonly prefix: string
  /** Must bear being called twice for one firing, from two processes at once. Throw to be called again. */
  readonly fire: (firing: Firing) => Promise<void>
  readonly onError: (error: Error) => void
}

/** Hears of firings. Every producer runs one; each firing reaches one of them, or another after a crash. */
export class Scheduler {
  readonly #worker: Worker<FiringJob>

  constructor(options: SchedulerOptions) {
    this.#worker = new Worker<FiringJob>(NAME, async (job) => await options.fire(firingOf(job)), {
      connection: options.connection,
      prefix: options.prefix,
      concurrency: 4,
      // Short, as the visitor's: a firing whose fetch was lost on the way (a node restarted) is heard of within some 20 s.
      lockDuration: 15_000,
      stalledInterval: 5_000,
      maxStalledCount: 1_000,
    })
    this.#worker.on('error', options.onError)
    this.#worker.on('failed', (_job, error) => options.onError(error))
  }

  async stop(): Promise<void> {
    await this.#worker.close()
  }
}

function startId(campaign: string, at: number): string {
  return `start.${campaign}.${at}`
}

/** A scheduler's job is named `repeat:<scheduler>:<when it was due>` by BullMQ, ours `start.<campaign>.<when>`. */
function firingOf(job: Job<FiringJob>): Firing {
  const id = job.id ?? ''
  const due = Number(id.slice(Math.max(id.lastIndexOf(':'), id.lastIndexOf('.')) + 1))
  if (!Number.isSafeInteger(due)) throw new Error(`schedule job has an id without a time: ${id}`)
  return { campaign: job.data.campaign, at: due, recurring: job.name === 'run' }
}
