/** Longest value of a column: Meta takes 1,024 characters for a body parameter, and no parameter takes more. */
export const VALUE_CHARS_MAX = 1024
/** Longest `ref`. */
export const REF_CHARS_MAX = 256

const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]/u
/** What a decoder puts where bytes were not UTF-8. */
const NOT_UTF8 = /\ufffd/
const BREAKS = /[\t\r\n]+/g

export type TextReason = 'control_character' | 'bad_encoding' | 'value_too_long'

export type CleanText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'refused'; readonly reason: TextReason }

/**
 * A value as it can be sent: NFC (so that equal looks equal), tabs and line breaks as one space (Meta refuses parameters
 * that hold them), no other control characters. A NUL in a name is a broken file, not a name.
 */
export function cleanText(text: string): CleanText {
  if (NOT_UTF8.test(text)) return { kind: 'refused', reason: 'bad_encoding' }
  if (CONTROL.test(text)) return { kind: 'refused', reason: 'control_character' }
  return { kind: 'text', text: text.replace(BREAKS, ' ').trim().normalize('NFC') }
}
