import { createHash, timingSafeEqual } from 'node:crypto'

/** Meta's handshake, answered: the challenge to echo, or why not. */
export type HandshakeAnswer =
  | { readonly kind: 'challenge'; readonly challenge: string }
  | { readonly kind: 'refused'; readonly reason: 'mode' | 'token' | 'challenge' }

/** Meta sends digits. Unreserved characters of a URL are let through too (test tools send words); no markup can be made of them. */
const CHALLENGE = /^[A-Za-z0-9._~-]{1,256}$/

/**
 * Answer `GET ?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…`.
 *
 * @param query the parsed query; a parameter that came twice is an array, and refused.
 */
export function answerHandshake(query: Readonly<Record<string, unknown>>, verifyToken: string): HandshakeAnswer {
  if (query['hub.mode'] !== 'subscribe') return { kind: 'refused', reason: 'mode' }
  const token = query['hub.verify_token']
  if (typeof token !== 'string' || !sameSecret(token, verifyToken)) return { kind: 'refused', reason: 'token' }
  const challenge = query['hub.challenge']
  if (typeof challenge !== 'string' || !CHALLENGE.test(challenge)) return { kind: 'refused', reason: 'challenge' }
  return { kind: 'challenge', challenge }
}

/** Equal digests have equal lengths, so the comparison takes the same time for every guess. */
function sameSecret(left: string, right: string): boolean {
  return timingSafeEqual(sha256(left), sha256(right))
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
