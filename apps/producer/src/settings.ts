import { readRateCard } from '@chasqui/campaign'
import { common, document, integer, port, readEnvironment, EnvironmentError } from '@chasqui/runtime'
import type { Environment, Values, Variable } from '@chasqui/runtime'
import { z } from 'zod'

import { parseApiKeys } from './api-keys.ts'
import type { ApiKey } from './api-keys.ts'

const apiKeys: Variable<readonly ApiKey[]> = {
  schema: z
    .string()
    .default('')
    .transform((text, context) => {
      const keys = parseApiKeys(text)
      if (keys !== null) return keys
      context.addIssue({ code: 'custom', message: 'not a list of keys', input: text })
      return z.NEVER
    }),
  describe: 'a comma list of name:sha256-of-the-key-in-hex, each name once',
  secret: true,
}

const schema = {
  REDIS_URL: common.REDIS_URL,
  REDIS_PREFIX: common.REDIS_PREFIX,
  SENDERS_FILE: common.SENDERS_FILE,
  HOST: common.HOST,
  LOG_LEVEL: common.LOG_LEVEL,
  PORT: port(3000),
  METRICS_PORT: port(9301),
  API_KEYS: apiKeys,
  INTAKE_MEMORY_PERCENT: integer({
    min: 1,
    max: 100,
    default: 85,
    what: "percent of Redis' maxmemory from which on nothing new is taken in",
  }),
  KEEP_DAYS: integer({ min: 38, max: 3_650, default: 38, what: 'days a campaign is kept after its end' }),
  RECIPIENTS_KEEP_DAYS: integer({
    min: 1,
    max: 3_650,
    default: 38,
    what: 'days the recipients of a campaign that runs once are kept after its end, no longer than KEEP_DAYS',
  }),
  DRAFTS_KEEP_DAYS: integer({ min: 1, max: 3_650, default: 30, what: 'days a draft waits for its launch' }),
  RATE_CARD: document({ describe: 'a rate card in CSV', read: readRateCard }),
} as const

export type Settings = Values<typeof schema>

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/

/**
 * The producer's environment.
 *
 * @throws EnvironmentError; also when it would listen beyond this machine without keys, for whoever reaches the API
 *   spends money and writes to people.
 */
export function readSettings(env: Environment): Settings {
  const settings = readEnvironment(schema, env)
  if (settings.API_KEYS.length === 0 && !LOOPBACK.test(settings.HOST)) {
    throw new EnvironmentError([
      `API_KEYS: found nothing while HOST is ${JSON.stringify(settings.HOST)}, allowed: ${apiKeys.describe}; none only where HOST is loopback`,
    ])
  }
  return settings
}
