import { decodeCallbackData } from '@chasqui/delivery'
import { decodeWebhook } from '@chasqui/whatsapp'
import type { WebhookEvent } from '@chasqui/whatsapp'

const EVENTS_SHOWN = 5

/**
 * What a dead letter says, in a line, without anything that tells who somebody is: no number, no message id, no text. A
 * campaign and a place in it are our own words.
 */
export function outlineOf(body: Buffer): string {
  const decoded = decodeWebhook(body.toString('utf8'))
  if (decoded.kind === 'undecodable') return decoded.reason === 'invalid_json' ? 'no JSON' : 'JSON of an unknown shape'
  const { events } = decoded
  const shown = events.slice(0, EVENTS_SHOWN).map(outlineOfEvent)
  const more = events.length - shown.length
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join('; ') || 'an empty envelope'
}

function outlineOfEvent(event: WebhookEvent): string {
  if (event.kind === 'unreadable') return `unreadable ${event.part}`
  if (event.kind !== 'status') return event.kind
  const data = event.callbackData === null ? null : decodeCallbackData(event.callbackData)
  const whose =
    data === null
      ? 'no callback data of ours'
      : `campaign ${data.campaignId} recipient ${data.ordinal} of ${data.environment}`
  const code = event.status === 'failed' ? ` (${event.errorCode})` : ''
  const at = event.at === null ? '' : ` at ${timeOf(event.at)}`
  return `status ${event.status}${code}${at}, ${whose}`
}

/** ISO 8601; a time out of all bounds is shown as the number it is. */
export function timeOf(at: number): string {
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : String(at)
}
