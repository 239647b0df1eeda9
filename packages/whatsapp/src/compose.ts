/** What is the same for every message of a campaign. */
export type MessageSpec = {
  readonly template: { readonly name: string; readonly language: string; readonly components?: readonly unknown[] | undefined }
  readonly productPolicy: 'STRICT' | 'CLOUD_API_FALLBACK'
  /** Absent: the WhatsApp Business Account's own setting holds. */
  readonly messageActivitySharing?: boolean | undefined
}

/** One recipient's part of a message. */
export type MessageParts = {
  /** E.164 without `+`. */
  readonly to: number
  /** The value of a column, as given by the recipient's row. */
  readonly valueOf: (column: string) => string
  /** `null`: the sender's setting leaves the field out. */
  readonly callbackData: string | null
}

/** Fills one recipient into the request body of `POST /{phone_number_id}/marketing_messages`. */
export type ComposeMessage = (parts: MessageParts) => string

const PLACEHOLDER = /\{\{\s*([^{}]+?)\s*\}\}/g
/** Characters that JSON escapes, and halves of surrogate pairs, which `JSON.stringify` escapes when they stand alone. */
// oxlint-disable-next-line no-control-regex -- control characters are exactly what must be escaped
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/

/**
 * Prepare the body of a campaign's messages once (Meta, "Send marketing messages", request syntax): what is fixed becomes
 * text, what changes is joined in between. `to` bears `+` and the country code, without which Cloud API may put the
 * sender's country code before it.
 */
export function compileMessage(spec: MessageSpec): ComposeMessage {
  const { template } = spec
  const components = template.components ?? []
  const head = '{"messaging_product":"whatsapp","recipient_type":"individual","to":"+'
  const templateHead = `","type":"template","template":{"name":${JSON.stringify(template.name)},"language":{"policy":"deterministic","code":${JSON.stringify(template.language)}}`
  const fill = components.length === 0 ? (): string => '' : compileText(`,"components":${JSON.stringify(components)}`)
  const sharing = spec.messageActivitySharing === undefined ? '' : `,"message_activity_sharing":${spec.messageActivitySharing}`
  const tail = `},"product_policy":"${spec.productPolicy}"${sharing}`
  return ({ to, valueOf, callbackData }) => {
    const callback = callbackData === null ? '}' : `,"biz_opaque_callback_data":"${callbackData}"}`
    return head + to + templateHead + fill(valueOf) + tail + callback
  }
}

/** JSON text with `{{column}}` inside its strings, split once into what is fixed and what is filled in. */
function compileText(json: string): (valueOf: (column: string) => string) => string {
  const fixed: string[] = []
  const columns: string[] = []
  let from = 0
  for (const match of json.matchAll(PLACEHOLDER)) {
    fixed.push(json.slice(from, match.index))
    columns.push(match[1] ?? '')
    from = match.index + match[0].length
  }
  const last = json.slice(from)
  return (valueOf) => {
    let text = ''
    for (let i = 0; i < columns.length; i++) text += (fixed[i] ?? '') + escapeJson(valueOf(columns[i] ?? ''))
    return text + last
  }
}

/** The inside of a JSON string. */
function escapeJson(value: string): string {
  return NEEDS_ESCAPE.test(value) ? JSON.stringify(value).slice(1, -1) : value
}
