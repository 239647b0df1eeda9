/** What a template's components may hold: whatever JSON Meta defines, now or later. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g
const STRAY = /\{\{|\}\}/

/**
 * Every `{{column}}` anywhere in a value's strings (not in its keys), each once, in order of appearance. Spaces inside
 * the braces do not count.
 */
export function placeholderColumns(value: Json): string[] {
  const found = new Set<string>()
  for (const text of stringsOf(value)) {
    for (const [, name = ''] of text.matchAll(PLACEHOLDER)) found.add(name.trim())
  }
  return [...found]
}

/** A string of `value` whose braces do not form placeholders (`{{`, `{{}}`, `{{a}`); `null` when all is well. */
export function brokenPlaceholder(value: Json): string | null {
  for (const text of stringsOf(value)) {
    const empty = [...text.matchAll(PLACEHOLDER)].some(([, name = '']) => name.trim() === '')
    if (empty || STRAY.test(text.replace(PLACEHOLDER, ''))) return text
  }
  return null
}

/** A text cut at its placeholders: `literal` pieces and `column` names, in order; what composing a message fills. */
export type TextPiece = { readonly literal: string } | { readonly column: string }

export function splitPlaceholders(text: string): TextPiece[] {
  const pieces: TextPiece[] = []
  let from = 0
  for (const match of text.matchAll(PLACEHOLDER)) {
    if (match.index > from) pieces.push({ literal: text.slice(from, match.index) })
    pieces.push({ column: (match[1] ?? '').trim() })
    from = match.index + match[0].length
  }
  if (from < text.length) pieces.push({ literal: text.slice(from) })
  return pieces
}

function* stringsOf(value: Json): Generator<string> {
  if (typeof value === 'string') yield value
  else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) yield* stringsOf(part)
}
