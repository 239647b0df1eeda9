import { common, integer, port } from '@chasqui/runtime'
import type { Values, Variable } from '@chasqui/runtime'
import { z } from 'zod'
import type { ConfigPatch } from './config.ts'
import { parseObject } from './json.ts'
import { PRESET_NAMES } from './preset.ts'

const commaList = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
)

/** `phoneNumberId[:perSecond[:wabaId]]` */
const NUMBER = /^(\d{5,20})(?::(\d{1,7}))?(?::(\d{5,20}))?$/

/** The simulator's variables; README.md has the same table. */
export const variables = {
  HOST: common.HOST,
  LOG_LEVEL: common.LOG_LEVEL,
  PORT: port(3999),
  SIMULATOR_SEED: integer({ min: 0, max: 2 ** 32 - 1, default: 1 }),
  SIMULATOR_SCENARIO: { schema: z.enum(PRESET_NAMES).default('calm'), describe: PRESET_NAMES.join(', ') },
  SIMULATOR_CONFIG: {
    schema: z
      .string()
      .transform(parseObject)
      .refine((value) => value !== null)
      .optional(),
    describe: 'a JSON object: part of the configuration, as POST /_simulator/config takes it',
  },
  SIMULATOR_TOKENS: {
    schema: commaList.refine((tokens) => tokens.length > 0).optional(),
    describe: 'access tokens, separated by commas',
    secret: true,
  },
  SIMULATOR_NUMBERS: {
    schema: commaList.refine((numbers) => numbers.every((number) => NUMBER.test(number))).optional(),
    describe: 'phoneNumberId[:messagesPerSecond[:wabaId]], separated by commas',
  },
  SIMULATOR_WEBHOOK_URL: {
    schema: z.url({ protocol: /^https?$/ }).optional(),
    describe: 'a URL that begins with https:// or http://',
  },
  SIMULATOR_APP_SECRET: {
    schema: z.string().min(1).optional(),
    describe: 'the secret that signs webhooks',
    secret: true,
  },
  WEBHOOK_APP_SECRETS: {
    schema: commaList.optional(),
    describe: 'its first one signs, when SIMULATOR_APP_SECRET is not set',
    secret: true,
  },
  SIMULATOR_LEDGER_MAX: integer({ min: 1, max: 100_000_000, default: 5_000_000, what: 'requests' }),
} as const satisfies Readonly<Record<string, Variable<unknown>>>

export type SimulatorEnvironment = Values<typeof variables>

/** For a simulator that nobody told a secret: its webhooks are signed all the same. */
export const DEFAULT_APP_SECRET = 'simulator-app-secret'

export function secretOf(env: SimulatorEnvironment): string {
  return env.SIMULATOR_APP_SECRET ?? env.WEBHOOK_APP_SECRETS?.[0] ?? DEFAULT_APP_SECRET
}

/** The variables as patches of the default configuration, the strongest last. */
export function patchOf(env: SimulatorEnvironment): ConfigPatch {
  const { SIMULATOR_TOKENS: tokens, SIMULATOR_NUMBERS: numbers, SIMULATOR_WEBHOOK_URL: url } = env
  return {
    seed: env.SIMULATOR_SEED,
    ...(tokens === undefined ? {} : { tokens }),
    // Whoever lists the numbers means: no others.
    ...(numbers === undefined ? {} : { numbers: Object.fromEntries(numbers.map(numberEntry)), otherNumbers: null }),
    ...(url === undefined ? {} : { webhooks: { url } }),
  }
}

function numberEntry(item: string): [string, ConfigPatch] {
  const [, id = '', perSecond, wabaId] = NUMBER.exec(item) ?? []
  return [
    id,
    {
      ...(perSecond === undefined ? {} : { perSecond: Number(perSecond) }),
      ...(wabaId === undefined ? {} : { wabaId }),
    },
  ]
}
