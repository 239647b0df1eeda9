import { readRateCard } from '@chasqui/campaign'
import type { RateCard } from '@chasqui/campaign'
import { common, document, integer, port, readEnvironment, readSenders, text } from '@chasqui/runtime'
import type { Environment, LogLevel, Sender } from '@chasqui/runtime'
import type { WebhookProvider } from '@chasqui/whatsapp'
import { z } from 'zod'

import { optOutWords } from './opt-out-words.ts'
import type { OptOutWords } from './opt-out-words.ts'

export type StatusWorkerConfig = {
  readonly redisUrl: string
  readonly prefix: string
  readonly host: string
  readonly port: number
  readonly metricsPort: number
  readonly logLevel: LogLevel
  readonly verifyToken: string
  /** A body signed with any of them is genuine. */
  readonly appSecrets: readonly string[]
  /** Providers that pass Meta's webhooks on: the header they send, in lower case, and what may be in it. */
  readonly passedOn: {
    readonly header: string
    readonly secrets: Readonly<Record<Exclude<WebhookProvider, 'meta'>, readonly string[]>>
  }
  /** How long folded bodies are kept for replays, and how many bytes of Redis' memory they may take. */
  readonly keepMs: number
  readonly keepBytes: number
  /** How long after a message's TTL a webhook about it is still waited for, ms. */
  readonly undeliveredBufferMs: number
  /** What messages cost; `null`: nobody has said. */
  readonly rateCard: RateCard | null
  /** How many bytes of Redis' memory dead letters may take. */
  readonly letterBytes: number
  /** What people may write, or tap, to stop marketing. */
  readonly optOutWords: OptOutWords
  /** As they are at the start, and the file to follow. */
  readonly senders: readonly Sender[]
  readonly sendersFile: string
  /** How long a status waits for its message to be known, ms. */
  readonly unknownMessageMs: number
}

/** What a provider sends along with each body; long enough that nobody guesses it. */
const headerSecrets = {
  schema: z
    .string()
    .default('')
    .transform((list) => (list.trim() === '' ? [] : list.split(',').map((secret) => secret.trim())))
    .refine((secrets) => secrets.every((secret) => /^[\x21-\x7e]{16,}$/.test(secret))),
  describe: 'secrets of 16 or more visible ASCII characters, separated by commas',
  secret: true,
} as const

const VARIABLES = {
  REDIS_URL: common.REDIS_URL,
  REDIS_PREFIX: common.REDIS_PREFIX,
  SENDERS_FILE: common.SENDERS_FILE,
  HOST: common.HOST,
  LOG_LEVEL: common.LOG_LEVEL,
  PORT: port(3001),
  METRICS_PORT: port(9303),
  WEBHOOK_VERIFY_TOKEN: text({
    describe: 'the token entered beside the callback URL in the app dashboard',
    secret: true,
  }),
  WEBHOOK_APP_SECRETS: {
    schema: z
      .string()
      .transform((list) => list.split(',').map((secret) => secret.trim()))
      .refine((secrets) => secrets.every((secret) => secret !== '')),
    describe: 'app secrets, separated by commas, none of them empty',
    secret: true,
  },
  WEBHOOK_SECRET_HEADER: {
    schema: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,64}$/)
      .default('x-webhook-secret')
      .transform((name) => name.toLowerCase()),
    describe: 'a header name of letters, digits and -',
  },
  WEBHOOK_360DIALOG_SECRETS: headerSecrets,
  WEBHOOK_GUPSHUP_SECRETS: headerSecrets,
  OPT_OUT_WORDS: {
    schema: z
      .string()
      .default('')
      .transform((list, context) => {
        const words = optOutWords(list.trim() === '' ? [] : list.split(','))
        if (words !== null) return words
        context.addIssue({ code: 'custom', message: 'not a list of words', input: list })
        return z.NEVER
      }),
    describe: 'words or phrases of 1 to 200 characters, separated by commas',
  },
  RATE_CARD: document({ describe: 'a rate card in CSV', read: readRateCard }),
  WEBHOOK_LOG_KEEP_SECONDS: integer({ min: 0, max: 2_592_000, default: 3_600, what: 'seconds a folded body is kept' }),
  WEBHOOK_LOG_KEEP_MB: integer({ min: 1, max: 1_048_576, default: 256, what: 'MB of Redis for folded bodies' }),
  UNDELIVERED_BUFFER_SECONDS: integer({
    min: 60,
    max: 604_800,
    default: 3_600,
    what: "seconds that a webhook is waited for after a message's TTL",
  }),
  UNKNOWN_MESSAGE_SECONDS: integer({
    min: 1,
    max: 86_400,
    default: 300,
    what: 'seconds that a status waits for its message to be known, where statuses are known by message ids',
  }),
  WEBHOOK_DEAD_LETTERS_MB: integer({ min: 1, max: 65_536, default: 64, what: 'MB of Redis for dead letters' }),
}

/** @throws EnvironmentError with a line for each mistake. */
export function readConfig(env: Environment): StatusWorkerConfig {
  const values = readEnvironment(VARIABLES, env)
  return {
    redisUrl: values.REDIS_URL,
    prefix: values.REDIS_PREFIX,
    host: values.HOST,
    port: values.PORT,
    metricsPort: values.METRICS_PORT,
    logLevel: values.LOG_LEVEL,
    verifyToken: values.WEBHOOK_VERIFY_TOKEN,
    appSecrets: values.WEBHOOK_APP_SECRETS,
    passedOn: {
      header: values.WEBHOOK_SECRET_HEADER,
      secrets: { '360dialog': values.WEBHOOK_360DIALOG_SECRETS, gupshup: values.WEBHOOK_GUPSHUP_SECRETS },
    },
    keepMs: values.WEBHOOK_LOG_KEEP_SECONDS * 1_000,
    keepBytes: values.WEBHOOK_LOG_KEEP_MB * 1_048_576,
    rateCard: values.RATE_CARD,
    undeliveredBufferMs: values.UNDELIVERED_BUFFER_SECONDS * 1_000,
    letterBytes: values.WEBHOOK_DEAD_LETTERS_MB * 1_048_576,
    optOutWords: values.OPT_OUT_WORDS,
    senders: readSenders(values.SENDERS_FILE),
    sendersFile: values.SENDERS_FILE,
    unknownMessageMs: values.UNKNOWN_MESSAGE_SECONDS * 1_000,
  }
}
