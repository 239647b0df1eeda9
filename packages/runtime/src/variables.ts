import { z } from 'zod'

/** One environment variable: how it is read, and what a person is told who got it wrong. */
export interface Variable<T> {
  readonly schema: z.ZodType<T, string | undefined>
  /** What is allowed, in words that complete "allowed: …". */
  readonly describe: string
  /** Its value is never shown. */
  readonly secret?: boolean
  /** Its schema's own messages tell what is wrong, each in a line of its own: for values too long to be shown. */
  readonly explains?: boolean
}

/** What a reader of a longer text found: a value, or a line for each mistake. */
type Reading<T> =
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'refused'; readonly problems: readonly string[] }

/** A text with a form of its own, mostly given as a file (`NAME_FILE`); `null` when it is not set. */
export function document<T>(options: { describe: string; read: (text: string) => Reading<T> }): Variable<T | null> {
  return {
    schema: z
      .string()
      .optional()
      .transform((content, context) => {
        if (content === undefined) return null
        const reading = options.read(content)
        if (reading.kind === 'read') return reading.value
        for (const message of reading.problems) context.addIssue({ code: 'custom', message, input: content })
        return z.NEVER
      }),
    describe: options.describe,
    explains: true,
  }
}

/** A whole number. Without a default the variable is required. */
export function integer(range: { min: number; max: number; default?: number; what?: string }): Variable<number> {
  const number = z
    .string()
    .regex(/^-?\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().min(range.min).max(range.max))
  const what = range.what === undefined ? '' : ` (${range.what})`
  return {
    schema: range.default === undefined ? number : number.default(range.default),
    describe: `a whole number from ${range.min} to ${range.max}${what}`,
  }
}

/** A TCP port; 0 takes a free one. */
export const port = (byDefault: number): Variable<number> =>
  integer({ min: 0, max: 65_535, default: byDefault, what: 'a port, 0 for a free one' })

/** Any text that is not empty. Without a default the variable is required. */
export function text(options: { describe: string; secret?: boolean; default?: string }): Variable<string> {
  const schema = z.string().min(1)
  return {
    schema: options.default === undefined ? schema : schema.default(options.default),
    describe: options.describe,
    secret: options.secret ?? false,
  }
}

const isUrlOf =
  (protocols: readonly string[]) =>
  (value: string): boolean =>
    URL.canParse(value) && protocols.includes(new URL(value).protocol) && new URL(value).hostname !== ''

const isRedisUrl = isUrlOf(['redis:', 'rediss:'])

const redisUrls = z
  .string()
  .transform((value) => value.split(',').map((url) => url.trim()))
  .refine((urls) => urls.every(isRedisUrl))
  .transform((urls) => urls.join(','))

/** Variables that mean the same in every app. */
export const common = {
  REDIS_URL: {
    schema: redisUrls.default('redis://127.0.0.1:6379'),
    describe: 'redis://host:port or rediss://host:port; several, separated by commas, are the seeds of a Redis Cluster',
    // It may carry a password.
    secret: true,
  },
  REDIS_PREFIX: {
    schema: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/)
      .default('chasqui'),
    describe: '1 to 64 letters, digits, _ or -',
  },
  SENDERS_FILE: text({ default: 'senders.json', describe: 'a path to the senders, in JSON' }),
  MM_LITE_BASE_URL: {
    schema: z
      .string()
      .refine(isUrlOf(['http:', 'https:']))
      .transform((url) => url.replace(/\/+$/, ''))
      .default('https://graph.facebook.com/v25.0'),
    describe: 'a URL that begins with https:// or http://',
  },
  HOST: text({ default: '127.0.0.1', describe: 'an address to listen on' }),
  LOG_LEVEL: {
    schema: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    describe: 'fatal, error, warn, info, debug, trace or silent',
  },
} as const satisfies Readonly<Record<string, Variable<unknown>>>
