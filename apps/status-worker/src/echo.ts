import type { Click, Reply, ReplyKind } from '@chasqui/store'
import type { ClickEvent, ReplyEvent } from '@chasqui/whatsapp'

/** A reply or a click before it is known whose number it came to. */
export type Heard<T> = Omit<T, 'sender'> & { readonly phoneNumberId: string }

/** What people do, as opposed to what the platform tells about them (`system`) or cannot tell (`unsupported`). */
const KINDS: ReadonlyMap<string, ReplyKind> = new Map([
  ['button', 'tap'],
  ['interactive', 'tap'],
  ['reaction', 'reaction'],
  ...['text', 'image', 'video', 'audio', 'document', 'sticker', 'location', 'contacts', 'order'].map(
    (type): [string, ReplyKind] => [type, 'message'],
  ),
])

const CLICKS = { link_click: 'link', landing_page_view: 'landing_page', other: null } as const

/** A phone number as Meta writes it, digits alone; people known by a username have none, and are `null`. */
export function numberOf(waId: string | null): number | null {
  return waId !== null && /^\d{7,15}$/.test(waId) ? Number(waId) : null
}

/**
 * A reply to be counted; `null` for what is none, names no number of ours, or could not be told from its repetition.
 *
 * @param at when it was written, ms.
 */
export function replyOf(event: ReplyEvent, at: number): Heard<Reply> | null {
  const kind = KINDS.get(event.type ?? '')
  const { messageId, origin } = event
  if (kind === undefined || messageId === null || origin.phoneNumberId === null) return null
  const { phoneNumberId } = origin
  return { phoneNumberId, kind, messageId, from: numberOf(event.from), answers: event.answers, at }
}

/**
 * A click to be counted. Nothing tells clicks apart but what they carry: those without a click id, of one second, on one part
 * of a message are one.
 */
export function clickOf(event: ClickEvent, at: number): Heard<Click> | null {
  const kind = CLICKS[event.action]
  const { phoneNumberId } = event.origin
  if (kind === null || phoneNumberId === null || event.at === null) return null
  const { clickId, trackingToken, component, productId } = event
  const identity = JSON.stringify([kind, event.at, clickId, trackingToken, component, productId])
  return { phoneNumberId, kind, identity, at }
}
