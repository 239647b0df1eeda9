import { createHmac } from 'node:crypto'

/** The path Meta is told to post to (contract). */
export const WEBHOOK_PATH = '/webhooks/whatsapp'

/** One whole HTTP request, ready to be written to a socket: as Meta sends a webhook, signed over the raw body. */
export function signedRequest(body: string | Buffer, appSecret: string, host: string): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const signature = createHmac('sha256', appSecret).update(bytes).digest('hex')
  const head =
    `POST ${WEBHOOK_PATH} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: facebookexternalua\r\nAccept: */*\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${bytes.length}\r\nX-Hub-Signature-256: sha256=${signature}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), bytes])
}
