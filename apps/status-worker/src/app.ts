import { randomUUID } from 'node:crypto'

import { explain } from '@chasqui/delivery'
import { FollowedSenders, pause, startOpsServer } from '@chasqui/runtime'
import type { Logger } from '@chasqui/runtime'
import {
  Campaigns,
  Chunks,
  campaignsInSight,
  closeRedis,
  connectRedis,
  DeadLetters,
  Echoes,
  FailureNotes,
  Heart,
  Keys,
  LapseBook,
  Lease,
  MessageIds,
  Notices,
  SenderFailures,
  Senders,
  Suppressions,
  WebhookLog,
  whyAway,
} from '@chasqui/store'

import type { StatusWorkerConfig } from './config.ts'
import { Deeds } from './deeds.ts'
import { readConditions } from './conditions.ts'
import { RecipientCountries } from './countries.ts'
import { Exporter } from './exporter.ts'
import { Folder } from './folder.ts'
import { Inbox } from './inbox.ts'
import { Joiner } from './joiner.ts'
import { LapseSweeper } from './lapse-sweeper.ts'
import { createStatusMetrics } from './metrics.ts'
import { Nameless } from './nameless.ts'
import { describeNotice } from './notice.ts'
import { SenderBook } from './sender-book.ts'
import { WebhookServer } from './server.ts'
import { webhookSources } from './sources.ts'

export type StatusWorker = {
  readonly port: number
  readonly metricsPort: number
  readonly steps: ReadonlyArray<{ readonly name: string; readonly run: () => Promise<void> }>
}

const LEASE_MS = 10_000
/** Longer than one pass of inferring takes before it renews it. */
const LAPSE_LEASE_MS = 60_000
const TRIM_EVERY_MS = 10_000
const NOTE_RECEIVER_EVERY_MS = 1_000

/**
 * Build and start a status-worker. It starts without Redis too: until Redis is there it answers 503, and Meta comes again.
 */
export async function startStatusWorker(config: StatusWorkerConfig, logger: Logger): Promise<StatusWorker> {
  const metrics = createStatusMetrics()
  const keys = new Keys(config.prefix)
  const onError = (error: Error): void => logger.warn({ err: error }, 'redis connection')
  // Three connections: a webhook waits for nothing but its own write, folds retry for ever, and one blocks on the log.
  const inboxClient = connectRedis(config.redisUrl, 'api', onError)
  const foldClient = connectRedis(config.redisUrl, 'ledger', onError)
  // It waits for half a second at most, so what is given up after five is a dead connection, not an empty log.
  const blocking = connectRedis(config.redisUrl, 'ledger', onError)
  const holder = randomUUID()

  const log = new WebhookLog(foldClient, blocking, keys, holder)
  const inboxLog = new WebhookLog(inboxClient, blocking, keys, holder)
  const letters = new DeadLetters(foldClient, keys, config.letterBytes)
  const onTrouble = (error: unknown): void => logger.warn({ err: error }, 'trouble, will try again')
  const senders = new Senders(foldClient, keys)
  const echoes = new Echoes(foldClient, keys)
  const chunks = new Chunks(foldClient, keys)
  const failures = new FailureNotes(new SenderFailures(foldClient, keys), holder)
  const messageIds = new MessageIds(foldClient, keys)
  const book = new SenderBook(config.senders)
  const followed = new FollowedSenders({
    path: config.sendersFile,
    known: config.senders,
    logger,
    onChange: (all) => book.hold(all),
  })
  const folder = new Folder({
    client: foldClient,
    keys,
    log,
    letters,
    senders,
    deeds: new Deeds({
      senders,
      suppressions: new Suppressions(foldClient, keys),
      notices: new Notices(foldClient, keys),
      echoes,
      metrics,
      senderOf: book.senderOf,
      sendersOf: book.sendersOf,
      now: Date.now,
      onActed: (notice) => logger.warn(describeNotice(notice), 'acted upon a webhook'),
    }),
    failures,
    countries: new RecipientCountries(async (campaign, chunk) => await chunks.readFor(campaign, chunk)),
    nameless: new Nameless(messageIds),
    metrics,
    reading: { environment: config.prefix, optOutWords: config.optOutWords, byMessageId: book.byMessageId },
    senderOf: book.senderOf,
    now: Date.now,
    onAccountError: (sender, code) =>
      logger.warn({ sender, code, ...explain(code) }, 'a webhook tells of an error of the number or its account'),
    onTrouble,
  })
  const joiner = new Joiner({
    ids: messageIds,
    folder,
    senders: book.byMessageId,
    waitMs: config.unknownMessageMs,
    onTrouble,
  })
  const exporter = new Exporter({
    metrics,
    lease: new Lease(foldClient, keys.exporter(), holder, LEASE_MS),
    log,
    letters,
    senders: book.senderOf,
    echoesOf: async (sender) => await echoes.ofSender(sender),
    rateCard: config.rateCard,
    inSight: async (most, now) => await campaignsInSight(foldClient, keys, most, now),
    conditions: async (ids, now) =>
      await readConditions({ heart: new Heart(foldClient, keys, holder), senders, rates: book.rates }, ids, now),
    now: Date.now,
    onTrouble,
  })
  const server = new WebhookServer({
    logger,
    metrics,
    inbox: new Inbox(async (bodies) => await inboxLog.append(bodies)),
    verifyToken: config.verifyToken,
    sources: webhookSources(config),
  })
  const stopping = new AbortController()
  const trimming = trimNowAndThen(log, config, stopping.signal, onTrouble)
  const receivers = new Senders(inboxClient, keys)
  const lapses = new LapseSweeper({
    book: new LapseBook(foldClient, keys),
    lease: new Lease(foldClient, keys.lapseSweeper(), holder, LAPSE_LEASE_MS),
    bufferMs: config.undeliveredBufferMs,
    receivedSteadilyFor: async (now) => await receivers.receivedSteadilyFor(now),
    now: async () => await new Campaigns(foldClient, keys).now(),
    onInferred: (messages) => metrics.undelivered.inc(messages),
    onTrouble,
  })

  const ops = await startOpsServer({
    host: config.host,
    port: config.metricsPort,
    registry: metrics.registry,
    ready: async () => {
      if (stopping.signal.aborted) return { ok: false, why: 'draining' }
      const why = await whyAway(inboxClient)
      return why === null ? { ok: true } : { ok: false, why }
    },
  })
  folder.start()
  joiner.start()
  exporter.start()
  lapses.start()
  failures.start(Date.now)
  followed.start()
  const port = await server.listen(config.host, config.port)
  const noting = noteReceiving(async () => await receivers.noteReceiver(), stopping.signal)
  return {
    port,
    metricsPort: ops.port,
    steps: [
      { name: 'requests', run: async () => (stopping.abort(), await server.close()) },
      { name: 'senders', run: async () => await followed.stop() },
      { name: 'folder', run: async () => await folder.stop() },
      { name: 'failures', run: async () => await failures.stop(Date.now()) },
      { name: 'joiner', run: async () => await joiner.stop() },
      { name: 'exporter', run: async () => await exporter.stop() },
      { name: 'lapses', run: async () => await lapses.stop() },
      { name: 'trimming', run: async () => void (await Promise.all([trimming, noting])) },
      { name: 'ops', run: async () => await ops.close() },
      {
        name: 'redis',
        run: async () =>
          void (await Promise.all([inboxClient, foldClient, blocking].map(async (client) => await closeRedis(client)))),
      },
    ],
  }
}

/** Resending what is unknown waits for statuses, and so must know for how long they could come. */
async function noteReceiving(note: () => Promise<void>, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    // Redis is away: then webhooks are refused too, and the gap shall show.
    await note().catch(() => {})
    await pause(NOTE_RECEIVER_EVERY_MS, stop)
  }
}

async function trimNowAndThen(
  log: WebhookLog,
  config: StatusWorkerConfig,
  stop: AbortSignal,
  onTrouble: (error: unknown) => void,
): Promise<void> {
  while (!stop.aborted) {
    await pause(TRIM_EVERY_MS, stop)
    // A failure before the log exists, or while Redis is away, is made up for by the next round.
    await log.trim({ since: Date.now() - config.keepMs, bytes: config.keepBytes }).catch(onTrouble)
  }
}
