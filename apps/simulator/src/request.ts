import type { GraphError } from './graph-error.ts'
import { isObject, parseObject } from './json.ts'
import type { JsonObject } from './json.ts'
import { checkTemplate } from './template.ts'

/** A request as it came off the wire. */
export type Incoming = {
  readonly method: string
  readonly url: string
  readonly authorization: string | undefined
  readonly contentType: string | undefined
  readonly body: string
}

/** What a request speaks of, as far as it can be told even from a wrong one. Empty or 0 where it does not say. */
export type Mentioned = {
  readonly phoneNumberId: string
  /** The recipient's digits as an integer. */
  readonly phone: number
  readonly template: string
  readonly callbackData: string
}

/** A request that is well formed. */
export type Send = Mentioned & {
  /** `product_policy` is not STRICT. */
  readonly mayFallBack: boolean
  /** Parameters of the body component. */
  readonly bodyParameters: number
}

/** Reading never fails: it says what the request mentions and either what it asks for or what is wrong with it. */
export type Reading =
  | { readonly ok: true; readonly send: Send }
  | { readonly ok: false; readonly mentioned: Mentioned; readonly error: GraphError }

/** What the endpoint must know to read a request. */
export type Rules = {
  readonly tokens: readonly string[]
  readonly tokensExpired: boolean
  readonly callbackData: 'echo' | 'refuse' | 'drop'
}

const CALLBACK_DATA_MAX = 512

const PATH = /^\/v\d{1,2}\.\d\/(\d{5,20})\/marketing_messages$/
const E164 = /^\+[1-9]\d{6,14}$/
const JSON_TYPE = /^application\/json *(; *charset=utf-?8 *)?$/i
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  'messaging_product',
  'recipient_type',
  'to',
  'type',
  'template',
  'product_policy',
  'message_activity_sharing',
  'biz_opaque_callback_data',
])

/**
 * `POST /{version}/{phone_number_id}/marketing_messages`, read as strictly as the published schema allows: every
 * required field, no unknown one, the recipient with its `+` (without it the real endpoint may guess a country).
 */
export function readRequest(incoming: Incoming, rules: Rules): Reading {
  const phoneNumberId = PATH.exec(incoming.url)?.[1] ?? ''
  const body = parseObject(incoming.body)
  const mentioned = mentionedBy(phoneNumberId, body)
  const error =
    wrongCall(incoming, phoneNumberId) ??
    wrongToken(incoming.authorization, rules) ??
    wrongBody(incoming.contentType, body, rules)
  if (error !== null || body === null) return { ok: false, mentioned, error: error ?? MALFORMED }
  return {
    ok: true,
    send: {
      ...mentioned,
      mayFallBack: body['product_policy'] !== 'STRICT',
      bodyParameters: countBodyParameters(body['template']),
    },
  }
}

const MALFORMED: GraphError = { code: 100, message: 'Invalid JSON in request body' }

function wrongCall({ method, url }: Incoming, phoneNumberId: string): GraphError | null {
  if (method !== 'POST') return { code: 100, subcode: 33, message: `Unsupported ${method.toLowerCase()} request.` }
  if (phoneNumberId === '')
    return {
      code: 100,
      subcode: 33,
      message: `Unsupported post request: ${JSON.stringify(url.slice(0, 100))} is no edge of this endpoint.`,
    }
  return null
}

function wrongToken(authorization: string | undefined, rules: Rules): GraphError | null {
  if (authorization === undefined) return { code: 104, message: 'An access token is required to request this resource' }
  if (rules.tokensExpired) return { code: 190, message: 'Error validating access token: Session has expired' }
  if (!authorization.startsWith('Bearer ') || !rules.tokens.includes(authorization.slice(7))) {
    return { code: 190, subcode: 467, message: 'Invalid OAuth access token', details: 'The access token is invalid.' }
  }
  return null
}

function wrongBody(contentType: string | undefined, body: JsonObject | null, rules: Rules): GraphError | null {
  if (contentType === undefined || !JSON_TYPE.test(contentType))
    return { code: 100, details: 'Content-Type must be application/json.' }
  if (body === null) return MALFORMED
  for (const field in body) if (!KNOWN_FIELDS.has(field)) return unexpectedField(field)
  return wrongEnvelope(body) ?? wrongOptions(body, rules) ?? checkTemplate(body['template'])
}

function wrongEnvelope(body: JsonObject): GraphError | null {
  if (body['messaging_product'] !== 'whatsapp') return fieldError('messaging_product', body, 'must be "whatsapp"')
  if (body['recipient_type'] !== 'individual') return fieldError('recipient_type', body, 'must be "individual"')
  if (body['to'] === undefined) return { code: 100, message: 'The parameter to is required.' }
  if (typeof body['to'] !== 'string' || !E164.test(body['to']))
    return { code: 131009, details: 'Param to must be a phone number: + and 7 to 15 digits.' }
  if (body['type'] === undefined) return { code: 100, message: 'The parameter type is required.' }
  if (body['type'] !== 'template') return { code: 100, details: 'Message must be a template message.' }
  return null
}

function wrongOptions(body: JsonObject, rules: Rules): GraphError | null {
  const policy = body['product_policy']
  if (policy !== undefined && policy !== 'STRICT' && policy !== 'CLOUD_API_FALLBACK') {
    return fieldError('product_policy', body, 'must be one of CLOUD_API_FALLBACK, STRICT')
  }
  const sharing = body['message_activity_sharing']
  if (sharing !== undefined && typeof sharing !== 'boolean')
    return fieldError('message_activity_sharing', body, 'must be a boolean')
  const data = body['biz_opaque_callback_data']
  if (data === undefined) return null
  if (rules.callbackData === 'refuse') return unexpectedField('biz_opaque_callback_data')
  if (typeof data !== 'string' || data.length > CALLBACK_DATA_MAX) {
    return fieldError('biz_opaque_callback_data', body, `must be a string of at most ${CALLBACK_DATA_MAX} characters`)
  }
  return null
}

function unexpectedField(field: string): GraphError {
  return { code: 100, details: `Unexpected key ${JSON.stringify(field.slice(0, 100))} on param root.` }
}

function fieldError(field: string, body: JsonObject, rule: string): GraphError {
  if (body[field] === undefined) return { code: 100, message: `The parameter ${field} is required.` }
  return { code: 100, details: `Param ${field} ${rule}.` }
}

function mentionedBy(phoneNumberId: string, body: JsonObject | null): Mentioned {
  const to = body?.['to']
  const template = body?.['template']
  const name = isObject(template) ? template['name'] : undefined
  const data = body?.['biz_opaque_callback_data']
  return {
    phoneNumberId,
    phone: typeof to === 'string' && /^\+?\d{1,15}$/.test(to) ? Number(to) : 0,
    template: typeof name === 'string' ? name.slice(0, CALLBACK_DATA_MAX) : '',
    callbackData: typeof data === 'string' ? data.slice(0, CALLBACK_DATA_MAX) : '',
  }
}

function countBodyParameters(template: unknown): number {
  if (!isObject(template) || !Array.isArray(template['components'])) return 0
  const components: readonly unknown[] = template['components']
  const body = components.find((component) => isObject(component) && component['type'] === 'body')
  return isObject(body) && Array.isArray(body['parameters']) ? body['parameters'].length : 0
}
