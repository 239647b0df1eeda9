import { randomBytes, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'

import { ScheduleQueue, Scheduler, SendQueue } from '@chasqui/queue'
import { createLogger, createMetrics, FollowedSenders, onShutdown, startOpsServer } from '@chasqui/runtime'
import type { Logger, Sender } from '@chasqui/runtime'
import {
  Campaigns,
  Chunks,
  closeRedis,
  connectRedis,
  durabilityWarnings,
  Echoes,
  Heart,
  Keys,
  Lease,
  Notices,
  memoryShare,
  recount,
  RecipientAppender,
  Recipients,
  Retention,
  Runs,
  SenderPauses,
  SenderFailures,
  Senders,
  Suppressions,
  whyAway,
  TemplateStandings,
} from '@chasqui/store'
import type { RedisClient } from '@chasqui/store'

import { buildApp } from './app.ts'
import type { Context } from './context.ts'
import { Control } from './control.ts'
import { every } from './every.ts'
import { producerMetrics } from './metrics.ts'
import { Room } from './room.ts'
import type { Settings } from './settings.ts'
import { within } from './within.ts'

/** How often scheduled campaigns are held against the schedule, ms: what a crash between the two left is made good. */
const RECONCILE_EVERY_MS = 30_000
/** How often campaigns are let go whose time has come, and how many are looked at each time. */
const RETENTION_EVERY_MS = 60_000
const RETENTION_A_PASS = 1_000
const DAY_MS = 86_400_000
const SHUTDOWN_MS = 25_000
const QUEUES_CLOSE_MS = 4_000

/** Run the producer until a signal ends it: the API, the schedule's firings, the ops port. */
export async function startProducer(settings: Settings, senders: readonly Sender[]): Promise<void> {
  const logger = createLogger({ name: 'producer', level: settings.LOG_LEVEL })
  const onError = (error: Error): void => logger.warn({ err: error }, 'redis connection')
  const client = connectRedis(settings.REDIS_URL, 'api', onError)
  const waiting = connectRedis(settings.REDIS_URL, 'blocking', onError)
  const configured = new Map<string, Sender>()
  const queues = new Map<string, SendQueue>()
  /** A queue stays when its sender is taken out: campaigns of it may be handled at this moment. */
  const configure = (all: readonly Sender[]): void => {
    configured.clear()
    for (const sender of all) {
      configured.set(sender.id, sender)
      if (!queues.has(sender.id)) queues.set(sender.id, new SendQueue(client, settings.REDIS_PREFIX, sender.id))
    }
  }
  configure(senders)
  const followed = new FollowedSenders({ path: settings.SENDERS_FILE, known: senders, logger, onChange: configure })
  const schedule = new ScheduleQueue(client, settings.REDIS_PREFIX)
  const metrics = createMetrics({ app: 'producer' })
  const stopping = new AbortController()
  let listening = false
  // First of all: the process is alive from now on, whatever Redis does.
  const ops = await startOpsServer({
    host: settings.HOST,
    port: settings.METRICS_PORT,
    registry: metrics.registry,
    ready: async () => {
      if (stopping.signal.aborted) return { ok: false, why: 'stopping' }
      if (!listening) return { ok: false, why: 'starting' }
      const why = await whyAway(client)
      return why === null ? { ok: true } : { ok: false, why }
    },
  })
  const context = assemble({
    settings,
    configured,
    client,
    queues,
    schedule,
    logger,
    metrics: producerMetrics(metrics),
    stopping: stopping.signal,
  })

  const app = await buildApp(context)
  const scheduler = new Scheduler({
    connection: waiting,
    prefix: settings.REDIS_PREFIX,
    fire: async (firing) => {
      await context.control.fire(firing)
      context.metrics.firings.inc({ result: 'done' })
    },
    onError: (error) => {
      context.metrics.firings.inc({ result: 'error' })
      logger.warn({ err: error }, 'schedule')
    },
  })
  const reconciler = every(
    RECONCILE_EVERY_MS,
    async () => await context.control.reconcile(),
    (error) => logger.warn({ err: error }, 'schedules not reconciled'),
  )

  const retention = every(RETENTION_EVERY_MS, letGo(client, settings, context.campaigns), (error) =>
    logger.warn({ err: error }, 'retention'),
  )
  void durabilityWarnings(client)
    .then((warnings) => {
      for (const warning of warnings) logger.warn(warning)
    })
    .catch(onError)
  await app.listen({ host: settings.HOST, port: settings.PORT })
  listening = true
  followed.start()
  onShutdown({
    logger,
    deadlineMs: SHUTDOWN_MS,
    steps: [
      { name: 'streams', run: () => stopping.abort() },
      { name: 'senders', run: async () => await followed.stop() },
      // A firing that is cut off is fired again elsewhere; without Redis BullMQ would wait for it for ever.
      {
        name: 'schedule',
        run: async () =>
          await within(QUEUES_CLOSE_MS, Promise.all([reconciler.stop(), retention.stop(), scheduler.stop()])),
      },
      { name: 'requests', run: async () => await app.close() },
      {
        name: 'queues',
        run: async () => {
          const closing = [schedule, ...queues.values()].map(async (queue) => await queue.close())
          return await within(QUEUES_CLOSE_MS, Promise.all(closing))
        },
      },
      { name: 'redis', run: async () => await Promise.all([closeRedis(client), closeRedis(waiting)]) },
      { name: 'ops', run: async () => await ops.close() },
    ],
  })
  logger.info({ port: (app.server.address() as AddressInfo).port, metricsPort: ops.port }, 'ready')
}

/** One producer of all lets campaigns go; a pass that breaks off is made again by it or by another. */
function letGo(client: RedisClient, settings: Settings, campaigns: Campaigns): () => Promise<void> {
  const keys = new Keys(settings.REDIS_PREFIX)
  const lease = new Lease(client, keys.retention(), randomUUID(), 2 * RETENTION_EVERY_MS)
  const retention = new Retention(client, keys, campaigns, {
    campaignMs: settings.KEEP_DAYS * DAY_MS,
    recipientsMs: settings.RECIPIENTS_KEEP_DAYS * DAY_MS,
    draftMs: settings.DRAFTS_KEEP_DAYS * DAY_MS,
  })
  let from = 0
  return async () => {
    if (await lease.hold()) from = await retention.pass(await campaigns.now(), from, RETENTION_A_PASS)
  }
}

export type Parts = {
  readonly settings: Pick<Settings, 'REDIS_PREFIX' | 'API_KEYS' | 'RATE_CARD' | 'INTAKE_MEMORY_PERCENT'>
  /** By id, as SENDERS_FILE says them now. */
  readonly configured: ReadonlyMap<string, Sender>
  readonly client: RedisClient
  readonly queues: ReadonlyMap<string, SendQueue>
  readonly schedule: ScheduleQueue
  readonly logger: Logger
  readonly metrics: Context['metrics']
  readonly stopping: AbortSignal
}

/** Everything the API leans on, on one connection. */
export function assemble({
  settings,
  configured,
  client,
  queues,
  schedule,
  logger,
  metrics,
  stopping,
}: Parts): Context {
  const keys = new Keys(settings.REDIS_PREFIX)
  const campaigns = new Campaigns(client, keys)
  const queueOf = (sender: string): SendQueue | null => queues.get(sender) ?? null
  return {
    campaigns,
    recipients: new Recipients(client, keys),
    chunks: new Chunks(client, keys),
    suppressions: new Suppressions(client, keys),
    senders: new Senders(client, keys),
    failures: new SenderFailures(client, keys),
    echoes: new Echoes(client, keys),
    notices: new Notices(client, keys),
    room: new Room({
      share: async () => await memoryShare(client),
      most: settings.INTAKE_MEMORY_PERCENT / 100,
      now: () => performance.now(),
      onRefused: () => metrics.refused.inc(),
    }),
    heart: new Heart(client, keys, 'producer'),
    recount: async (campaign) => await recount(client, keys, campaign),
    control: new Control({
      campaigns,
      runs: new Runs(client, keys, campaigns),
      pauses: new SenderPauses(client, keys),
      schedule,
      templates: new TemplateStandings(client, keys),
      accountOf: (sender) => configured.get(sender)?.wabaId ?? null,
      queueOf,
      onTrouble: (error, what, campaign) => logger.warn({ err: error, campaign }, what),
    }),
    openAppender: (campaign) => {
      const appender = new RecipientAppender(client, keys, campaign, randomBytes(9).toString('hex'))
      return {
        open: async () => await appender.open(),
        expect: (recipients) => appender.expect(recipients),
        append: async (batch) => await appender.append(batch),
        close: async () => await appender.close(),
      }
    },
    configured,
    queueOf,
    apiKeys: settings.API_KEYS,
    rateCard: settings.RATE_CARD,
    metrics,
    logger,
    newId: () => campaignId(Date.now(), randomBytes(5)),
    stopping,
  }
}

/** Nine characters of time and seven of chance: ids sort by age, and two producers never make the same. */
export function campaignId(now: number, chance: Buffer): string {
  const random = chance.readUIntBE(0, 5) % 36 ** 7
  return now.toString(36).padStart(9, '0') + random.toString(36).padStart(7, '0')
}
