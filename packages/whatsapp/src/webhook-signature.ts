import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** What the signature says of a body. Only `genuine` bodies may be looked at. */
export type SignatureVerdict = 'genuine' | 'missing' | 'malformed' | 'wrong'

/** App secrets in the form that is cheapest to sign with, made once. */
export type AppSecrets = readonly KeyObject[]

export function appSecrets(secrets: readonly string[]): AppSecrets {
  return secrets.map((secret) => createSecretKey(secret, 'utf8'))
}

/** Hex digits count in either case; anything around them (a second signature, `sha1=`) makes the header malformed. */
const FORM = /^sha256=([0-9a-fA-F]{64})$/

/**
 * Check Meta's `X-Hub-Signature-256: sha256=<hex HMAC-SHA256 of the body under the app secret>`.
 *
 * The body is what came over the wire, byte for byte: Meta signs its own spelling (`\u00e9`, spaces, key order), which a
 * parse and a re-serialisation lose. Any of the secrets makes it genuine, so that a secret can be rotated without a gap.
 * Every secret is tried and compared in constant time: how long it takes says nothing about how close a forgery came.
 *
 * @param header the header's value; when it came twice, node joins the two, and the result is malformed.
 */
export function verifySignature(
  body: Uint8Array,
  header: string | readonly string[] | undefined,
  secrets: AppSecrets,
): SignatureVerdict {
  if (header === undefined || header === '') return 'missing'
  const claimed = claimedDigest(header)
  if (claimed === null) return 'malformed'
  let genuine = false
  for (const secret of secrets) {
    const digest = createHmac('sha256', secret).update(body).digest()
    if (timingSafeEqual(digest, claimed)) genuine = true
  }
  return genuine ? 'genuine' : 'wrong'
}

/** The header's verdict as far as it can be told before the body is there. */
export function signatureForm(header: string | readonly string[] | undefined): 'present' | 'missing' | 'malformed' {
  if (header === undefined || header === '') return 'missing'
  return typeof header === 'string' && FORM.test(header) ? 'present' : 'malformed'
}

function claimedDigest(header: string | readonly string[]): Buffer | null {
  const match = typeof header === 'string' ? FORM.exec(header) : null
  return match?.[1] === undefined ? null : Buffer.from(match[1], 'hex')
}

/** The header for a body, as Meta would send it. */
export function signBody(body: Uint8Array | string, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
}
