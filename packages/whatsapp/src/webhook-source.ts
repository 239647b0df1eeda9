import { createHash, timingSafeEqual } from 'node:crypto'

import { signatureForm, verifySignature } from './webhook-signature.ts'
import type { AppSecrets, SignatureVerdict } from './webhook-signature.ts'

/** Who posts webhooks: Meta itself, or a provider that passes Meta's bodies on. */
export type WebhookProvider = 'meta' | '360dialog' | 'gupshup'

/** How a body shows that it comes from whom it should. */
export type Authenticity =
  /** Meta signs each body under the app secret. */
  | { readonly kind: 'signature'; readonly secrets: AppSecrets }
  /** Providers sign nothing; they send a header that was agreed with them. */
  | { readonly kind: 'shared_header'; readonly header: string; readonly digests: readonly Buffer[] }

/** One place where webhooks come in. */
export type WebhookSource = { readonly provider: WebhookProvider; readonly authenticity: Authenticity }

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

export function metaSource(secrets: AppSecrets): WebhookSource {
  return { provider: 'meta', authenticity: { kind: 'signature', secrets } }
}

/** @param header its name, in lower case. @param secrets any of them will do, so that one can be replaced without a gap. */
export function passedOnSource(
  provider: Exclude<WebhookProvider, 'meta'>,
  header: string,
  secrets: readonly string[],
): WebhookSource {
  return { provider, authenticity: { kind: 'shared_header', header, digests: secrets.map(digestOf) } }
}

/** The verdict as far as it can be told before the body is there; `open`: it depends on the body. */
export function judgeByHead({ authenticity }: WebhookSource, headers: Headers): SignatureVerdict | 'open' {
  if (authenticity.kind === 'shared_header') return verifyHeader(authenticity, headers)
  const form = signatureForm(headers['x-hub-signature-256'])
  return form === 'present' ? 'open' : form
}

/** Whether a body comes from whom it should. In constant time, over the bytes as they came. */
export function authenticate({ authenticity }: WebhookSource, headers: Headers, body: Uint8Array): SignatureVerdict {
  return authenticity.kind === 'signature'
    ? verifySignature(body, headers['x-hub-signature-256'], authenticity.secrets)
    : verifyHeader(authenticity, headers)
}

/** How each provider wraps what Meta told it. These pass the body on as it is; Gupshup adds keys, which are passed over. */
const UNWRAP: Readonly<Record<WebhookProvider, (body: Buffer) => Buffer>> = {
  meta: (body) => body,
  '360dialog': (body) => body,
  gupshup: (body) => body,
}

/** The body in Meta's form, as it is stored and decoded. */
export function unwrap({ provider }: WebhookSource, body: Buffer): Buffer {
  return UNWRAP[provider](body)
}

function verifyHeader(
  { header, digests }: Authenticity & { readonly kind: 'shared_header' },
  headers: Headers,
): SignatureVerdict {
  const given = headers[header]
  if (given === undefined || given === '') return 'missing'
  if (typeof given !== 'string') return 'malformed'
  // Digests have one length whatever was sent, and every secret is tried: the time taken says nothing.
  const digest = digestOf(given)
  let genuine = false
  for (const expected of digests) if (timingSafeEqual(digest, expected)) genuine = true
  return genuine ? 'genuine' : 'wrong'
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest()
}
