import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { EnvironmentError, errorCode, lookUp, type Environment } from './environment.ts'

function rate(allowed: string): z.ZodNumber {
  return z.number({ error: allowed }).int(allowed).min(1, allowed).max(100_000, allowed)
}

/** A business phone number that messages leave from, as written in senders.json. */
const sender = z.strictObject({
  id: z
    .string({ error: '1 to 64 letters, digits, _ or -' })
    .regex(/^[A-Za-z0-9_-]{1,64}$/, '1 to 64 letters, digits, _ or -'),
  phoneNumberId: z.string({ error: 'digits, as text' }).regex(/^\d{1,32}$/, 'digits, as text'),
  wabaId: z.string({ error: 'digits, as text' }).regex(/^\d{1,32}$/, 'digits, as text'),
  /** The variable that holds the access token: the file itself holds no secret. */
  accessTokenEnv: z
    .string({ error: 'the name of an environment variable' })
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable'),
  /** Meta's limit for the number, 80 unless it was raised. Meta's webhook of a throughput upgrade raises it by itself. */
  messagesPerSecond: rate('a whole number from 1 to 100000'),
  /** Never faster than this, whatever Meta tells; `null`: as fast as Meta allows. */
  maxMessagesPerSecond: rate('null or a whole number from 1 to 100000').nullable().default(null),
  /** Another endpoint than MM_LITE_BASE_URL, without a slash at the end. */
  baseUrl: z
    .url({ protocol: /^https?$/, error: 'null or a URL that begins with https:// or http://' })
    .transform((url) => url.replace(/\/+$/, ''))
    .nullable()
    .default(null),
  /**
   * How statuses find their recipient. `callback_data`: by biz_opaque_callback_data, which messages carry. `message_id`: by an
   * index of message ids, some 25 bytes of Redis a message, for endpoints that refuse or do not echo the field. `none`: not.
   */
  correlation: z
    .enum(['callback_data', 'message_id', 'none'], { error: 'callback_data, message_id or none' })
    .default('callback_data'),
})

export type Sender = Readonly<z.output<typeof sender>>

const senders = z
  .array(sender, { error: 'a list of senders' })
  .min(1, 'at least one sender')
  .superRefine((list, context) => {
    // Two entries for one number would each take the whole of its rate.
    for (const key of ['id', 'phoneNumberId'] as const) {
      const seen = new Set<string>()
      for (const [index, { [key]: value }] of list.entries()) {
        if (seen.has(value))
          context.addIssue({ code: 'custom', path: [index, key], message: `a ${key} no other sender has` })
        seen.add(value)
      }
    }
  })

/**
 * Reads senders.json.
 *
 * @throws EnvironmentError with one line for each mistake in it
 */
export function readSenders(path: string): readonly Sender[] {
  const raw = readJson(path)
  const parsed = senders.safeParse(raw)
  if (parsed.success) return parsed.data
  throw new EnvironmentError(parsed.error.issues.map((issue) => `SENDERS_FILE ${path}: ${describe(issue, raw)}`))
}

/** Text of the file, or the two ways in which it is none. */
function readJson(path: string): unknown {
  let content
  try {
    content = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new EnvironmentError(
      [`SENDERS_FILE: found ${JSON.stringify(path)} (${errorCode(cause)}), allowed: a file this process can read`],
      { cause },
    )
  }
  try {
    return JSON.parse(content)
  } catch (cause) {
    throw new EnvironmentError(
      [`SENDERS_FILE ${path}: found text that is no JSON (${(cause as Error).message}), allowed: a list of senders`],
      { cause },
    )
  }
}

function describe(issue: z.core.$ZodIssue, raw: unknown): string {
  const where = z.core.toDotPath(issue.path) || 'the file'
  if (issue.code === 'unrecognized_keys')
    return `${where}: found the unknown ${issue.keys.join(', ')}, allowed: ${Object.keys(sender.shape).join(', ')}`
  const found = issue.path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    raw,
  )
  const shown = found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 100)
  return `${where}: found ${shown}, allowed: ${issue.message}`
}

/**
 * The access token of a sender, from the variable it names or from `<that>_FILE`.
 *
 * @throws EnvironmentError
 */
export function readAccessToken({ id, accessTokenEnv }: Sender, env: Environment): string {
  const found = lookUp(accessTokenEnv, env)
  if ('issue' in found) throw new EnvironmentError([found.issue])
  // What is not visible ASCII cannot stand in a header: a pasted line break or a quote that was meant for the shell.
  if (found.value !== undefined && /^[\x21-\x7e]+$/.test(found.value)) return found.value
  const what = found.value === undefined ? 'nothing' : `a value of ${found.value.length} characters (not shown)`
  throw new EnvironmentError([
    `${accessTokenEnv}: found ${what}, allowed: the access token of sender ${id}, visible ASCII only`,
  ])
}
