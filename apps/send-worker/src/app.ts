import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'

import { pause, startOpsServer } from '@chasqui/runtime'
import { RedisClock } from '@chasqui/delivery'
import type { Outcome } from '@chasqui/delivery'
import type { Logger } from '@chasqui/runtime'
import {
  AliveCampaigns,
  Campaigns,
  Chunks,
  FailureNotes,
  ClaimMemory,
  closeRedis,
  connectRedis,
  Heart,
  isStoreFailure,
  Keys,
  Ledger,
  SenderFailures,
  MessageIds,
  Refusals,
  Senders,
  Suppressions,
  TemplateStandings,
  ToldMessages,
  whyAway,
} from '@chasqui/store'
import type { RedisClient } from '@chasqui/store'

import { Capacity } from './capacity.ts'
import type { SendWorkerConfig } from './config.ts'
import { createSendMetrics } from './metrics.ts'
import type { SendMetrics } from './metrics.ts'
import { Guard } from './guard.ts'
import type { SendEvents } from './sender.ts'
import { QuietEnds } from './quiet-ends.ts'
import { Roster } from './roster.ts'
import type { Shared } from './sending-sender.ts'
import { Sweeper } from './sweeper.ts'
import { Watcher } from './watcher.ts'

export type SendWorker = {
  readonly metricsPort: number
  /** In this order, each once: nothing new, what runs to its end, the connections. */
  readonly steps: ReadonlyArray<{ readonly name: string; readonly run: () => Promise<void> }>
}

/** Build and start a send-worker. Resolves when Redis is there; until then it waits. */
export async function startSendWorker(config: SendWorkerConfig, logger: Logger): Promise<SendWorker> {
  const metrics = createSendMetrics()
  const onError = (error: Error): void => logger.warn({ err: error }, 'redis connection')
  const ledgerClient = connectRedis(config.redisUrl, 'ledger', onError)
  const queueClient = connectRedis(config.redisUrl, 'blocking', onError)
  let draining = false
  /** Why no claim may be made; a worker that has not reached Redis yet knows nothing. */
  let forbidden = (): string | null => 'Redis has not been reached yet'
  // First of all: the process is alive from now on, whatever Redis does.
  const ops = await startOpsServer({
    host: config.host,
    port: config.metricsPort,
    registry: metrics.registry,
    ready: async () => {
      if (draining) return { ok: false, why: 'draining' }
      const why = (await whyAway(ledgerClient)) ?? forbidden()
      return why === null ? { ok: true } : { ok: false, why }
    },
  })
  const member = randomUUID()
  const failures = new FailureNotes(new SenderFailures(ledgerClient, new Keys(config.prefix)), member)
  const trust = {
    forbidden: () => guard.forbidden !== null,
    claims: new ClaimMemory(member),
    suspect: (why: string) => guard.suspect(why),
    events: observe(metrics, logger, failures),
  }
  const shared = await share(config, logger, metrics, ledgerClient, queueClient, trust)
  const guard = new Guard({
    heart: new Heart(ledgerClient, new Keys(config.prefix), member, `send-worker ${process.pid} on ${hostname()}`),
    onChange: (why) => {
      metrics.forbidden.set(why === null ? 0 : 1)
      if (why === null) logger.info('claims are allowed')
      else logger.warn({ why }, 'claims are forbidden')
    },
    onBeat: ({ stopped, quarantine }) => {
      metrics.stopped.set({ reason: 'stopped' }, stopped === null ? 0 : 1)
      metrics.stopped.set({ reason: 'quarantined' }, quarantine === null ? 0 : 1)
    },
    onRelease: () => trust.claims.forget(),
    onTrouble: (error) => shared.events.trouble('beat', error),
  })
  forbidden = () => guard.forbidden
  // 'close' is the end of the only connection, or of all of a cluster's; '-node' of one of these.
  for (const event of ['close', '-node']) ledgerClient.on(event, () => guard.connectionLost())
  const roster = new Roster({ shared, read: config.readSenders, logger })
  const watcher = new Watcher({
    metrics,
    senders: shared.senders,
    roster,
    clock: shared.clock,
    capacity: shared.capacity,
  })
  const sweeper = new Sweeper({
    ledger: shared.ledger,
    alive: shared.alive,
    senders: shared.senders,
    templates: new TemplateStandings(ledgerClient, new Keys(config.prefix)),
    accountOf: (sender) => roster.configured().find(({ id }) => id === sender)?.wabaId ?? null,
    resendWindowMs: config.resendWindowMs,
    quietEnds: new QuietEnds(new ToldMessages(ledgerClient, new Keys(config.prefix)), config.resendWindowMs, () =>
      shared.clock.now(),
    ),
    queueOf: (sender) => roster.get(sender)?.queue ?? null,
    now: () => shared.clock.now(),
    onReaped: (sender, recipients) => metrics.reaped.inc({ sender }, recipients),
    onCompleted: shared.events.completed,
    onTrouble: (error) => shared.events.trouble('sweep', error),
  })
  // The kill switch must be known before the first claim.
  await guard.start()
  watcher.start()
  failures.start(() => shared.clock.now())
  roster.start(config.senders)
  sweeper.start()
  return {
    metricsPort: ops.port,
    steps: [
      { name: 'sweeper', run: async () => ((draining = true), await sweeper.stop()) },
      { name: 'senders', run: async () => await roster.stop() },
      { name: 'guard', run: async () => await guard.stop() },
      { name: 'watcher', run: async () => await watcher.stop() },
      { name: 'failures', run: async () => await failures.stop(shared.clock.now()) },
      { name: 'ops', run: async () => await ops.close() },
      { name: 'redis', run: async () => void (await Promise.all([closeRedis(ledgerClient), closeRedis(queueClient)])) },
    ],
  }
}

async function share(
  config: SendWorkerConfig,
  logger: Logger,
  metrics: SendMetrics,
  ledgerClient: RedisClient,
  queueConnection: RedisClient,
  trust: Pick<Shared, 'forbidden' | 'claims' | 'suspect' | 'events'>,
): Promise<Shared> {
  const keys = new Keys(config.prefix)
  const monotonic = (): number => performance.now()
  const redisTime = await firstTime(ledgerClient, logger)
  return {
    queueConnection,
    prefix: config.prefix,
    ledger: new Ledger(ledgerClient, keys),
    senders: new Senders(ledgerClient, keys),
    campaigns: new Campaigns(ledgerClient, keys),
    alive: new AliveCampaigns(ledgerClient, keys),
    chunks: new Chunks(ledgerClient, keys),
    suppressions: new Suppressions(ledgerClient, keys),
    messageIds: new MessageIds(ledgerClient, keys),
    refusals: new Refusals(ledgerClient, keys),
    clock: new RedisClock(monotonic, redisTime),
    capacity: new Capacity(config.concurrency, monotonic),
    concurrency: config.concurrency,
    requestTimeoutMs: config.requestTimeoutMs,
    leaseMs: config.leaseMs,
    ...trust,
    onLimit: (sender, limit) => metrics.rateLimit.set({ sender }, limit),
    onBlocked: (sender, code, until) =>
      logger.error(
        { sender, code, until: new Date(until).toISOString() },
        'sender blocked: the endpoint refuses all it sends',
      ),
    onRest: (sender, reason, forMs) =>
      logger.warn({ sender, reason, forMs: Math.round(forMs) }, 'sender rests: its endpoint is not well'),
    onRested: (sender) => logger.info({ sender }, 'sender sends again'),
    onHeld: (campaign, reason) =>
      logger.error({ campaign, reason }, 'campaign paused: the endpoint refuses all its messages'),
    onError: (error) => logger.warn({ err: error }, 'visit failed'),
  }
}

/** How soon it is said that Redis is waited for, and how soon it is asked again, ms. */
const REDIS_PATIENCE_MS = 1_000

/** Redis' time, ms, as soon as Redis is there: a worker may start before it. */
async function firstTime(client: RedisClient, logger: Logger): Promise<number> {
  const say = setTimeout(
    () => logger.error('Redis cannot be reached at REDIS_URL; this worker begins as soon as it can'),
    REDIS_PATIENCE_MS,
  )
  for (;;) {
    try {
      const [seconds = 0, micros = 0] = (await client.time()).map(Number)
      clearTimeout(say)
      return seconds * 1_000 + micros / 1_000
    } catch (error) {
      if (!isStoreFailure(error)) throw error
      await pause(REDIS_PATIENCE_MS, new AbortController().signal)
    }
  }
}

/** Metrics and logs of what happens; nobody else counts. */
function observe(metrics: SendMetrics, logger: Logger, failures: FailureNotes): SendEvents {
  return {
    sent: (sender, outcome, move, seconds) => {
      metrics.countMessage(sender, move.kind)
      metrics.duration.observe(sender, seconds)
      if (outcome.kind !== 'accepted') metrics.errors.inc({ sender, code: codeOf(outcome) })
      if (outcome.kind === 'refused') failures.add(sender, 'refused', outcome.code)
    },
    claimed: (sender, result) => metrics.claims.inc({ sender, result }),
    settled: (sender, _settled, stale) => {
      if (stale > 0) metrics.staleSettlements.inc({ sender }, stale)
    },
    completed: (campaign) => logger.info({ campaign }, 'campaign completed'),
    trouble: (step, error) => {
      metrics.troubles.inc({ step })
      logger.warn({ step, err: error }, 'trouble, will try again')
    },
  }
}

/** A label from a closed list: a code of the endpoint, or what kept a request or its answer from coming through. */
function codeOf(outcome: Exclude<Outcome, { kind: 'accepted' }>): string {
  if (outcome.kind === 'refused') return String(outcome.code)
  return outcome.kind === 'held_back' ? outcome.reason : outcome.kind
}
