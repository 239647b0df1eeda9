import { createHmac } from 'node:crypto'

/** The value of `X-Hub-Signature-256` for a body: HMAC-SHA256 by the app secret, over the bytes as sent. */
export function signatureOf(secret: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
}
