import type {
  AccountEvent,
  ClickEvent,
  EndpointErrorEvent,
  EventOrigin,
  PreferenceEvent,
  ReplyEvent,
  TemplateEvent,
} from './webhook-event.ts'
import { integerIn, isObject, listIn, momentIn, nameIn, objectIn, textIn } from './webhook-read.ts'
import type { Json } from './webhook-read.ts'

/** Everything Meta tells besides statuses, each by a reader that takes what is there. */

export function readPreference(item: unknown, origin: EventOrigin): PreferenceEvent {
  const preference = objectIn(item)
  const value = textIn(preference['value'])?.toLowerCase()
  return {
    kind: 'preference',
    origin,
    value: value === 'stop' || value === 'resume' ? value : 'other',
    category: textIn(preference['category']),
    waId: textIn(preference['wa_id']),
    userId: textIn(preference['user_id']),
    at: momentIn(preference['timestamp']),
  }
}

export function readReply(item: unknown, origin: EventOrigin): ReplyEvent {
  const message = objectIn(item)
  return {
    kind: 'reply',
    origin,
    type: textIn(message['type']),
    from: textIn(message['from']),
    messageId: textIn(message['id']),
    answers: textIn(objectIn(message['context'])['id']) ?? textIn(objectIn(message['reaction'])['message_id']),
    content: contentOf(message),
    label: textIn(objectIn(message['button'])['text']) ?? textIn(chosenIn(message)['title']),
    at: momentIn(message['timestamp']),
  }
}

/** A quick reply's payload, a list or button reply's id, or the text. */
function contentOf(message: Json): string | null {
  const button = objectIn(message['button'])
  return (
    textIn(button['payload']) ??
    textIn(button['text']) ??
    textIn(chosenIn(message)['id']) ??
    textIn(objectIn(message['text'])['body'])
  )
}

/** The choice of a button or of a list. */
function chosenIn(message: Json): Json {
  const interactive = objectIn(message['interactive'])
  return objectIn(interactive['button_reply'] ?? interactive['list_reply'])
}

const CLICK_ACTIONS: ReadonlyMap<string, ClickEvent['action']> = new Map([
  ['marketing_messages_link_click', 'link_click'],
  ['landing_page_view', 'landing_page_view'],
])

export function readClick(item: unknown, origin: EventOrigin): ClickEvent {
  const action = objectIn(item)
  const data = objectIn(action['marketing_messages_link_click_data'])
  return {
    kind: 'click',
    origin,
    action: CLICK_ACTIONS.get(textIn(action['action_type']) ?? '') ?? 'other',
    component: textIn(data['click_component']),
    clickId: textIn(data['click_id']),
    trackingToken: textIn(data['tracking_token']),
    productId: textIn(data['product_id']),
    at: momentIn(action['timestamp']),
  }
}

export function readEndpointError(item: unknown, origin: EventOrigin): EndpointErrorEvent {
  const error = objectIn(item)
  return { kind: 'endpoint_error', origin, code: integerIn(error['code']) ?? 0, title: textIn(error['title']) }
}

/**
 * A template event, told by what it holds: Meta's own example of a quality change carries the field name of a status
 * change. `null` when it holds none.
 */
export function readTemplate(value: Json, origin: EventOrigin): TemplateEvent | null {
  const change = templateChange(value, origin.field)
  if (change === null) return null
  return {
    kind: 'template',
    origin,
    template: {
      id: nameIn(value['message_template_id']),
      name: textIn(value['message_template_name']),
      language: textIn(value['message_template_language'])?.replace('-', '_') ?? null,
    },
    change,
  }
}

function templateChange(value: Json, field: string | null): TemplateEvent['change'] | null {
  const quality = upperIn(value['new_quality_score'])
  if (quality !== null) return { kind: 'quality', from: upperIn(value['previous_quality_score']), to: quality }
  if (value['new_category'] !== undefined || value['correct_category'] !== undefined) {
    return {
      kind: 'category',
      from: upperIn(value['previous_category']),
      to: upperIn(value['new_category']),
      correct: upperIn(value['correct_category']),
      at: momentIn(value['category_update_timestamp']),
    }
  }
  if (value['message_template_id'] === undefined && value['message_template_name'] === undefined) return null
  const status = upperIn(value['event'])
  if (status !== null) {
    return {
      kind: 'status',
      status,
      title: upperIn(objectIn(value['other_info'])['title']),
      reason: upperIn(value['reason']),
    }
  }
  return field === 'message_template_components_update' ? { kind: 'edited' } : null
}

/** An event about the account or a number, by its field. `null` for fields that are none of these. */
export function readAccount(value: Json, origin: EventOrigin): AccountEvent | null {
  const change = accountChange(value, origin.field)
  return change === null ? null : { kind: 'account', origin, change }
}

function accountChange(value: Json, field: string | null): AccountEvent['change'] | null {
  const event = upperIn(value['event']) ?? 'UNKNOWN'
  switch (field) {
    case 'phone_number_quality_update':
      return { kind: 'number', event, displayPhoneNumber: nameIn(value['display_phone_number']), limit: limitOf(value) }
    case 'business_capability_update':
      return { kind: 'capability', conversationsPerDay: limitOf(value) }
    case 'account_update':
      return {
        kind: 'update',
        event,
        restrictions: restrictionsOf(value),
        banState: upperIn(objectIn(value['ban_info'])['waba_ban_state']),
      }
    case 'account_alerts':
      return alertOf(objectIn(value['alert_info'] ?? value))
    case 'account_review_update':
      return { kind: 'review', decision: upperIn(value['decision']) ?? 'UNKNOWN' }
    case 'security':
      return { kind: 'security', event }
    default:
      return null
  }
}

/** The messaging limit, under its newest name first: the older ones ended in February 2026. */
function limitOf(value: Json): string | null {
  const limit =
    value['max_daily_conversations_per_business'] ?? value['max_daily_conversation_per_phone'] ?? value['current_limit']
  return nameIn(limit)?.toUpperCase() ?? null
}

function restrictionsOf(value: Json): { type: string; until: number | null }[] {
  return listIn(value['restriction_info'])
    .filter(isObject)
    .map((restriction) => ({
      type: upperIn(restriction['restriction_type']) ?? 'UNKNOWN',
      until: momentIn(restriction['expiration']),
    }))
}

function alertOf(alert: Json): AccountEvent['change'] {
  return {
    kind: 'alert',
    type: upperIn(alert['alert_type']) ?? 'UNKNOWN',
    severity: upperIn(alert['alert_severity']),
    status: upperIn(alert['alert_status']),
  }
}

/** Meta's words differ in case between pages and samples (`paused`, `PAUSED`). */
function upperIn(value: unknown): string | null {
  return textIn(value)?.toUpperCase() ?? null
}
