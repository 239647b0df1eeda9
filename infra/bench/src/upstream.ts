import { Readable } from 'node:stream'
import { request } from 'undici'
import { CAMPAIGN } from './message.ts'

/** The part of the producer's API that the bench uses as any upstream system would. */
export type Upload = { readonly accepted: number; readonly elapsedMs: number }

export async function createCampaign(producerUrl: string): Promise<string> {
  const { id } = (await call(producerUrl, 'POST', '/v1/campaigns', JSON.stringify(CAMPAIGN))) as { id: string }
  return id
}

/**
 * Streams a CSV file into the campaign; the time is from the first byte offered to the answer read.
 *
 * @param bytes of the file, told as Content-Length as upload tools do; left out, the body is sent in chunks of unsaid number.
 */
export async function appendCsv(
  producerUrl: string,
  campaign: string,
  pieces: Iterable<Buffer>,
  bytes: number | null = null,
): Promise<Upload> {
  const startedAt = performance.now()
  const path = `/v1/campaigns/${campaign}/recipients`
  await call(producerUrl, 'POST', path, Readable.from(pieces, { objectMode: false }), 'text/csv', bytes)
  const elapsedMs = performance.now() - startedAt
  return { accepted: (await readCounts(producerUrl, campaign))['recipients'] ?? 0, elapsedMs }
}

export async function launch(producerUrl: string, campaign: string): Promise<void> {
  await call(producerUrl, 'POST', `/v1/campaigns/${campaign}/launch`)
}

export async function readCounts(producerUrl: string, campaign: string): Promise<Readonly<Record<string, number>>> {
  const { counts } = (await call(producerUrl, 'GET', `/v1/campaigns/${campaign}`)) as { counts: Record<string, number> }
  return counts
}

/** Throws with the problem document when the API does not take what the bench asks. */
async function call(
  producerUrl: string,
  method: 'GET' | 'POST',
  path: string,
  body: string | Readable | null = null,
  contentType = 'application/json',
  bytes: number | null = null,
): Promise<unknown> {
  const length = bytes === null ? {} : { 'content-length': String(bytes) }
  const headers = body === null ? {} : { 'content-type': contentType, ...length }
  const answer = await request(`${producerUrl}${path}`, { method, body, headers, bodyTimeout: 0, headersTimeout: 0 })
  const text = await answer.body.text()
  if (answer.statusCode >= 300) throw new Error(`${method} ${path} answered ${answer.statusCode}: ${text}`)
  return text === '' ? null : JSON.parse(text)
}
