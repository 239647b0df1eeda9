import { splitPlaceholders } from '@chasqui/campaign'
import type { Json, TextPiece } from '@chasqui/campaign'

/** What is the same for every message of a campaign. */
export type MessageSpec = {
  readonly template: {
    readonly name: string
    readonly language: string
    readonly components?: readonly Json[] | undefined
  }
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
  const fill = components.length === 0 ? (): string => '' : compileJson(',"components":', components)
  const sharing =
    spec.messageActivitySharing === undefined ? '' : `,"message_activity_sharing":${spec.messageActivitySharing}`
  const tail = `},"product_policy":"${spec.productPolicy}"${sharing}`
  return ({ to, valueOf, callbackData }) => {
    const callback = callbackData === null ? '}' : `,"biz_opaque_callback_data":"${callbackData}"}`
    return head + to + templateHead + fill(valueOf) + tail + callback
  }
}

/** JSON with `{{column}}` inside its strings, split once into what is fixed and what is filled in. */
function compileJson(prefix: string, value: Json): (valueOf: (column: string) => string) => string {
  const fixed: string[] = [prefix]
  const columns: string[] = []
  for (const piece of piecesOf(value)) {
    if ('column' in piece) {
      columns.push(piece.column)
      fixed.push('')
    } else fixed[fixed.length - 1] += piece.literal
  }
  return (valueOf) => {
    let text = fixed[0] ?? ''
    for (let i = 0; i < columns.length; i++) text += escapeJson(valueOf(columns[i] ?? '')) + (fixed[i + 1] ?? '')
    return text
  }
}

/** The JSON text of a value in pieces; literals are JSON already. */
function* piecesOf(value: Json): Generator<TextPiece> {
  if (typeof value === 'string') {
    yield { literal: '"' }
    for (const piece of splitPlaceholders(value))
      yield 'literal' in piece ? { literal: escapeJson(piece.literal) } : piece
    yield { literal: '"' }
  } else if (Array.isArray(value)) {
    yield* listed(
      '[',
      value.map((part: Json) => ['', part] as const),
      ']',
    )
  } else if (typeof value === 'object' && value !== null) {
    yield* listed(
      '{',
      Object.entries(value).map(([key, part]) => [`${JSON.stringify(key)}:`, part] as const),
      '}',
    )
  } else yield { literal: JSON.stringify(value) }
}

function* listed(open: string, parts: ReadonlyArray<readonly [string, Json]>, close: string): Generator<TextPiece> {
  yield { literal: open }
  for (const [index, [label, part]] of parts.entries()) {
    yield { literal: (index === 0 ? '' : ',') + label }
    yield* piecesOf(part)
  }
  yield { literal: close }
}

/** The inside of a JSON string. */
function escapeJson(value: string): string {
  return NEEDS_ESCAPE.test(value) ? JSON.stringify(value).slice(1, -1) : value
}
