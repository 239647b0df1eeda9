/** Why a request is not taken in, and what it is told. */
export const REFUSALS = {
  unsigned: 401,
  wrong_signature: 401,
  handshake: 403,
  not_found: 404,
  method: 405,
  broken_off: 400,
  too_large: 413,
  encoded: 415,
  not_json: 415,
  too_busy: 503,
  store_unavailable: 503,
  closing: 503,
} as const satisfies Readonly<Record<string, number>>

export type Refusal = keyof typeof REFUSALS

/** When Meta may come again, s; it retries on its own schedule anyway. */
const RETRY_AFTER_S = '5'

/** The headers of a refusal, its body apart. */
export function refusalHeaders(refusal: Refusal): Readonly<Record<string, string>> {
  if (REFUSALS[refusal] === 503) return { 'retry-after': RETRY_AFTER_S }
  return refusal === 'method' ? { allow: 'GET, POST' } : {}
}
