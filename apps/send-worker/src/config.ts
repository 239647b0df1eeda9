import {
  common,
  EnvironmentError,
  integer,
  port,
  readAccessToken,
  readEnvironment,
  readSenders,
} from '@chasqui/runtime'
import type { Environment, LogLevel, Sender } from '@chasqui/runtime'

/** A sender with what it takes to send: where, and as whom. */
export type ConfiguredSender = Sender & { readonly accessToken: string; readonly endpointUrl: string }

export type SendWorkerConfig = {
  readonly redisUrl: string
  readonly prefix: string
  readonly host: string
  readonly metricsPort: number
  readonly logLevel: LogLevel
  /** Requests in flight in this process, at most. */
  readonly concurrency: number
  /** Without an answer after this long a request is lost, ms. */
  readonly requestTimeoutMs: number
  /** A claim whose worker is silent for this long is given up, ms. */
  readonly leaseMs: number
  /** How long a status is waited for before an unknown recipient is sent again (`onUnknown: resend`), ms. */
  readonly resendWindowMs: number
  readonly senders: readonly ConfiguredSender[]
  /** Reads the senders again, as they are configured now; throws when they cannot be read. */
  readonly readSenders: () => readonly ConfiguredSender[]
}

/**
 * Meta answers within some 200 to 500 ms, nine seconds at the 99th percentile: 128 in flight keep a sender of 80 a
 * second busy through a slow spell, and one of 1,000 with a few workers.
 */
const CONCURRENCY = 128

const VARIABLES = {
  REDIS_URL: common.REDIS_URL,
  REDIS_PREFIX: common.REDIS_PREFIX,
  SENDERS_FILE: common.SENDERS_FILE,
  MM_LITE_BASE_URL: common.MM_LITE_BASE_URL,
  HOST: common.HOST,
  LOG_LEVEL: common.LOG_LEVEL,
  METRICS_PORT: port(9302),
  SEND_CONCURRENCY: integer({ min: 1, max: 2_000, default: CONCURRENCY, what: 'requests in flight' }),
  SEND_TIMEOUT_MS: integer({ min: 100, max: 45_000, default: 30_000, what: 'ms until an answer counts as lost' }),
  SEND_LEASE_MS: integer({
    min: 3_000,
    max: 600_000,
    default: 60_000,
    what: 'ms until the claim of a silent worker is given up',
  }),
  RESEND_WINDOW_MS: integer({
    min: 1_000,
    max: 86_400_000,
    default: 120_000,
    what: 'ms a status is waited for before an unknown recipient is sent again',
  }),
}

/** A request may be written this much after its claim, and its answer must still be settled, ms. */
const LEASE_SLACK_MS = 2_500

/** @throws EnvironmentError with a line for each mistake. */
export function readConfig(env: Environment): SendWorkerConfig {
  const values = readEnvironment(VARIABLES, env)
  if (values.SEND_LEASE_MS < values.SEND_TIMEOUT_MS + LEASE_SLACK_MS) {
    const least = values.SEND_TIMEOUT_MS + LEASE_SLACK_MS
    throw new EnvironmentError([
      `SEND_LEASE_MS: found ${values.SEND_LEASE_MS}, allowed: at least ${least} (SEND_TIMEOUT_MS and ${LEASE_SLACK_MS} more)`,
    ])
  }
  const configured = (): ConfiguredSender[] =>
    readSenders(values.SENDERS_FILE).map((sender) => ({
      ...sender,
      accessToken: readAccessToken(sender, env),
      endpointUrl: sender.baseUrl ?? values.MM_LITE_BASE_URL,
    }))
  return {
    redisUrl: values.REDIS_URL,
    prefix: values.REDIS_PREFIX,
    host: values.HOST,
    metricsPort: values.METRICS_PORT,
    logLevel: values.LOG_LEVEL,
    concurrency: values.SEND_CONCURRENCY,
    requestTimeoutMs: values.SEND_TIMEOUT_MS,
    leaseMs: values.SEND_LEASE_MS,
    resendWindowMs: values.RESEND_WINDOW_MS,
    senders: configured(),
    readSenders: configured,
  }
}
