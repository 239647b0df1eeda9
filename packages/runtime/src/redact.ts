/** Keys whose values never reach a log, at any depth: secrets, telephone numbers, message ids (a wamid holds the number) and bodies. */
const PRIVATE_KEYS = new Set(
  [
    ['authorization', 'cookie', 'password', 'secret', 'secrets', 'token', 'access_token', 'api_key', 'api_keys'],
    ['x-hub-signature-256', 'redis_url'],
    ['to', 'phone', 'phone_number', 'phones', 'wa_id', 'recipient', 'recipient_id', 'input'],
    ['wamid', 'wamids', 'message_id'],
    ['body', 'payload', 'columns', 'args'],
  ].flatMap((group) => group.map(fold)),
)

const REDACTED = '[redacted]'
/** Deeper than anything we log on purpose; cuts cycles off. */
const DEPTH_MAX = 6

/** A copy of a log line's fields that may be written down. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value)
  if (value instanceof Error) return redactError(value, depth)
  if (typeof value !== 'object' || value === null) return value
  if (ArrayBuffer.isView(value)) return REDACTED
  if (depth === DEPTH_MAX) return '[…]'
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1))
  if (value instanceof Date || value instanceof URL) return redactText(value.toJSON())
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, PRIVATE_KEYS.has(fold(key)) ? REDACTED : redact(item, depth + 1)]),
  )
}

/** Only what is known to be harmless: errors of ioredis carry the command's arguments, errors of undici the request. */
function redactError(error: Error, depth: number): Record<string, unknown> {
  const code =
    'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? error.code : undefined
  return {
    type: error.name,
    message: redactText(error.message),
    ...(code === undefined ? {} : { code }),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...(error.cause === undefined || depth === DEPTH_MAX ? {} : { cause: redact(error.cause, depth + 1) }),
  }
}

/** Numbers in international writing, message ids and bearer tokens inside a sentence, and the password in a URL. */
export function redactText(text: string): string {
  return text
    .replace(/\+\d{7,15}\b/g, REDACTED)
    .replace(/wamid\.[\w+/=-]+/gi, REDACTED)
    .replace(/\bBearer\s+[\w.~+/=-]+/gi, `Bearer ${REDACTED}`)
    .replace(/(\w:\/\/)[^\s/@]+@/g, `$1${REDACTED}@`)
}

/** `accessToken`, `access_token` and `Access-Token` are one. */
function fold(key: string): string {
  return key.toLowerCase().replace(/[_-]/g, '')
}
