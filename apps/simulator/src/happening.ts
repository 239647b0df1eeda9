import { z } from 'zod'
import { PLAIN_NUMBER } from './config.ts'
import type { SimulatorConfig } from './config.ts'
import { numberOf } from './endpoint.ts'
import { GRAPH_CODES } from './graph-error.ts'
import { envelope, metadataOf } from './status.ts'

const phoneNumberId = z
  .string()
  .regex(/^\d{5,20}$/)
  .optional()
const recipient = z.string().regex(/^\+[1-9]\d{6,14}$/, { error: 'a recipient is + and 7 to 15 digits' })
const unixSeconds = z.number().int().min(0).optional()
const name = z.string().min(1).max(512)
const graphCode = z
  .number()
  .int()
  .refine((code) => code in GRAPH_CODES, { error: 'not a Graph code this endpoint knows' })

/** What may be told of apart from statuses, on command. `raw` posts any JSON, or any text, as it is. */
export const happening = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('user_preferences'),
    phoneNumberId,
    recipient,
    value: z.enum(['stop', 'resume']),
    timestamp: unixSeconds,
  }),
  z.strictObject({
    kind: z.literal('template_status'),
    template: name,
    language: name.default('en'),
    event: name,
    reason: z.string().nullable().default('NONE'),
    title: name.optional(),
  }),
  z.strictObject({
    kind: z.literal('template_quality'),
    template: name,
    language: name.default('en'),
    previous: name,
    next: name,
  }),
  z.strictObject({
    kind: z.literal('template_category'),
    template: name,
    language: name.default('en'),
    previous: name,
    next: name,
  }),
  z.strictObject({
    kind: z.literal('account'),
    phoneNumberId,
    event: name,
    restriction: z.strictObject({ type: name, expiration: unixSeconds }).optional(),
  }),
  z.strictObject({ kind: z.literal('phone_number_quality'), phoneNumberId, event: name, limit: name.optional() }),
  z.strictObject({ kind: z.literal('value_errors'), phoneNumberId, code: graphCode }),
  z.strictObject({ kind: z.literal('button'), phoneNumberId, recipient, wamid: name, text: name, payload: name }),
  z.strictObject({ kind: z.literal('link_click'), phoneNumberId, clickId: name }),
  z.strictObject({
    kind: z.literal('status'),
    phoneNumberId,
    wamid: name,
    status: name,
    recipient: recipient.optional(),
    callbackData: z.string().max(512).optional(),
    code: graphCode.optional(),
    timestamp: unixSeconds,
  }),
  z.strictObject({ kind: z.literal('raw'), body: z.unknown() }),
])

/** How to post a happening: query parameters of the call that orders it. */
export const happeningPosting = z.strictObject({
  signing: z.enum(['valid', 'wrong', 'missing']).default('valid'),
  times: z.coerce.number().int().min(1).max(1000).default(1),
})

export type Happening = z.infer<typeof happening>

/** The webhook body that tells it. `now`: epoch milliseconds. Pure. */
export function happeningBody(config: SimulatorConfig, told: Happening, now: number): string {
  if (told.kind === 'raw') return typeof told.body === 'string' ? told.body : JSON.stringify(told.body)
  const id =
    ('phoneNumberId' in told ? told.phoneNumberId : undefined) ?? Object.keys(config.numbers)[0] ?? '106540352242922'
  const number = numberOf(config, id) ?? PLAIN_NUMBER
  const { field, value } = changeOf(
    told,
    Math.floor(now / 1000),
    { messaging_product: 'whatsapp', metadata: metadataOf(id, number) },
    number.displayPhoneNumber,
  )
  return envelope([{ id: number.wabaId, time: Math.floor(now / 1000), changes: [{ value, field }] }])
}

type Change = { readonly field: string; readonly value: object }
type Told = Exclude<Happening, { kind: 'raw' }>

function changeOf(told: Told, seconds: number, head: object, display: string): Change {
  switch (told.kind) {
    case 'user_preferences':
      return { field: 'user_preferences', value: { ...head, ...preference(told, seconds) } }
    case 'template_status':
      return {
        field: 'message_template_status_update',
        value: {
          event: told.event,
          ...templateOf(told),
          reason: told.reason,
          message_template_category: 'MARKETING',
          ...(told.title === undefined ? {} : { other_info: { title: told.title } }),
        },
      }
    case 'template_quality':
      return {
        field: 'message_template_quality_update',
        value: { previous_quality_score: told.previous, new_quality_score: told.next, ...templateOf(told) },
      }
    case 'template_category':
      return {
        field: 'template_category_update',
        value: { ...templateOf(told), previous_category: told.previous, new_category: told.next },
      }
    case 'account':
      return {
        field: 'account_update',
        value: { phone_number: display, event: told.event, ...restrictionOf(told.restriction) },
      }
    case 'phone_number_quality':
      return {
        field: 'phone_number_quality_update',
        value: {
          display_phone_number: display,
          event: told.event,
          ...(told.limit === undefined ? {} : { max_daily_conversations_per_business: told.limit }),
        },
      }
    case 'value_errors':
      return { field: 'messages', value: { ...head, errors: [errorOf(told.code)] } }
    case 'button':
      return { field: 'messages', value: { ...head, ...reply(told, seconds, display) } }
    case 'link_click':
      return {
        field: 'messages',
        value: {
          ...head,
          user_actions: [
            {
              action_type: 'marketing_messages_link_click',
              timestamp: String(seconds),
              marketing_messages_link_click_data: { click_component: 'cta', click_id: told.clickId },
            },
          ],
        },
      }
    case 'status':
      return { field: 'messages', value: { ...head, statuses: [statusOf(told, seconds)] } }
  }
}

function preference(told: Extract<Happening, { kind: 'user_preferences' }>, seconds: number): object {
  const waId = told.recipient.slice(1)
  const detail = `User requested to ${told.value} marketing messages`
  return {
    contacts: [{ wa_id: waId }],
    user_preferences: [
      { wa_id: waId, detail, category: 'marketing_messages', value: told.value, timestamp: told.timestamp ?? seconds },
    ],
  }
}

function reply(told: Extract<Happening, { kind: 'button' }>, seconds: number, display: string): object {
  const from = told.recipient.slice(1)
  return {
    contacts: [{ profile: { name: 'Somebody' }, wa_id: from }],
    messages: [
      {
        context: { from: display, id: told.wamid },
        from,
        id: `wamid.reply.${from}.${seconds}`,
        timestamp: String(seconds),
        type: 'button',
        button: { payload: told.payload, text: told.text },
      },
    ],
  }
}

function statusOf(told: Extract<Happening, { kind: 'status' }>, seconds: number): object {
  return {
    id: told.wamid,
    status: told.status,
    timestamp: String(told.timestamp ?? seconds),
    ...(told.recipient === undefined ? {} : { recipient_id: told.recipient.slice(1) }),
    ...(told.callbackData === undefined ? {} : { biz_opaque_callback_data: told.callbackData }),
    ...(told.code === undefined ? {} : { errors: [errorOf(told.code)] }),
  }
}

function templateOf(told: { readonly template: string; readonly language: string }): object {
  return {
    message_template_id: 1_689_556_908_129_832,
    message_template_name: told.template,
    message_template_language: told.language,
  }
}

function restrictionOf(restriction: Extract<Happening, { kind: 'account' }>['restriction']): object {
  if (restriction === undefined) return {}
  const { type, expiration } = restriction
  return { restriction_info: [{ restriction_type: type, ...(expiration === undefined ? {} : { expiration }) }] }
}

function errorOf(code: number): object {
  const { title = 'Unknown error', details } = GRAPH_CODES[code] ?? {}
  return { code, title, message: title, error_data: { details: details ?? title } }
}

/** The recipient's digits, if the happening is that somebody stopped or resumed marketing messages. */
export function stopOf(told: Happening): { readonly phone: number; readonly stopped: boolean } | null {
  return told.kind === 'user_preferences'
    ? { phone: Number(told.recipient.slice(1)), stopped: told.value === 'stop' }
    : null
}
