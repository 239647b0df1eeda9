import type { EventOrigin, StatusEvent, UnreadableEvent, WebhookEvent } from './webhook-event.ts'
import { readAccount, readClick, readEndpointError, readPreference, readReply, readTemplate } from './webhook-notice.ts'
import { isObject, momentIn, nameIn, objectIn, textIn } from './webhook-read.ts'
import type { Json } from './webhook-read.ts'
import { readStatus } from './webhook-status.ts'

/** A webhook body, read: the events it holds in their order, or why nothing can be made of it. */
export type DecodedWebhook =
  | { readonly kind: 'events'; readonly events: readonly WebhookEvent[] }
  | { readonly kind: 'undecodable'; readonly reason: 'invalid_json' | 'unknown_envelope' }

/**
 * Decode the body of a webhook. Tolerant: unknown keys are passed over, a part that cannot be read becomes an
 * `unreadable` event beside its readable neighbours, and parts are known by what they hold rather than by `field`,
 * which is missing or wrong in some real bodies. Never throws.
 */
export function decodeWebhook(text: string): DecodedWebhook {
  const body = parseJson(text)
  if (body === undefined) return { kind: 'undecodable', reason: 'invalid_json' }
  const entries = objectIn(body)['entry']
  if (!Array.isArray(entries)) return { kind: 'undecodable', reason: 'unknown_envelope' }
  const events: WebhookEvent[] = []
  for (const entry of entries as readonly unknown[]) readEntry(entry, events)
  return { kind: 'events', events }
}

/** `undefined`, which no JSON text means, when the text is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const NOWHERE: EventOrigin = { wabaId: null, phoneNumberId: null, displayPhoneNumber: null, field: null, at: null }

function readEntry(entry: unknown, events: WebhookEvent[]): void {
  const changes = isObject(entry) ? entry['changes'] : undefined
  if (!isObject(entry) || !Array.isArray(changes)) {
    events.push({ kind: 'unreadable', origin: NOWHERE, part: 'entry', raw: entry })
    return
  }
  const wabaId = nameIn(entry['id'])
  const at = momentIn(entry['time'])
  for (const change of changes as readonly unknown[]) readChange(change, wabaId, at, events)
}

function readChange(change: unknown, wabaId: string | null, at: number | null, events: WebhookEvent[]): void {
  const value = isObject(change) ? change['value'] : undefined
  if (!isObject(change) || !isObject(value)) {
    events.push({ kind: 'unreadable', origin: { ...NOWHERE, wabaId, at }, part: 'change', raw: change })
    return
  }
  const metadata = objectIn(value['metadata'])
  const origin: EventOrigin = {
    wabaId,
    phoneNumberId: nameIn(metadata['phone_number_id']),
    displayPhoneNumber: nameIn(metadata['display_phone_number']),
    field: textIn(change['field']),
    at,
  }
  if (!readLists(value, origin, events))
    events.push(readTemplate(value, origin) ?? readAccount(value, origin) ?? { kind: 'other', origin })
}

/** The lists a `messages` or `user_preferences` value may hold, several at once, and how one item of each is read. */
const LISTS = [
  ['statuses', readStatus],
  ['messages', readReply],
  ['user_actions', readClick],
  ['user_preferences', readPreference],
  ['errors', readEndpointError],
] as const

function readLists(value: Json, origin: EventOrigin, events: WebhookEvent[]): boolean {
  let found = false
  for (const [name, read] of LISTS) {
    const items = value[name]
    if (!Array.isArray(items)) continue
    found = true
    for (const item of items as readonly unknown[]) events.push(read(item, origin))
  }
  return found
}

/**
 * A body that holds this one event, for the dead-letter stream: given to {@link decodeWebhook} again, it yields the
 * event. `null` when it is nested too deeply to be written again: older V8 parses deeper than it stringifies.
 */
export function bodyOfEvent(event: StatusEvent | UnreadableEvent): string | null {
  try {
    return JSON.stringify({ object: 'whatsapp_business_account', entry: [entryOf(event)] })
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

function entryOf(event: StatusEvent | UnreadableEvent): unknown {
  const part = event.kind === 'unreadable' ? event.part : 'status'
  if (part === 'entry') return event.raw
  return { id: event.origin.wabaId, changes: [part === 'change' ? event.raw : changeOf(event)] }
}

function changeOf({ origin, raw }: StatusEvent | UnreadableEvent): unknown {
  const { phoneNumberId, displayPhoneNumber } = origin
  const metadata = {
    ...(phoneNumberId === null ? {} : { phone_number_id: phoneNumberId }),
    ...(displayPhoneNumber === null ? {} : { display_phone_number: displayPhoneNumber }),
  }
  return { field: origin.field, value: { metadata, statuses: [raw] } }
}
