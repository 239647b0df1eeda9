/** Why an upload is refused as a whole, before any of it is stored. */
export type UploadRefusal =
  | 'empty_body'
  | 'unreadable_header'
  | 'missing_to_column'
  | 'duplicate_column'
  | 'missing_placeholder_column'
  | 'unknown_column'
  | 'wrong_delimiter'
  | 'not_utf8'
  | 'too_many_columns'

export class UploadRefused extends Error {
  readonly code: UploadRefusal
  /** The columns at fault. */
  readonly columns: readonly string[]

  constructor(code: UploadRefusal, message: string, columns: readonly string[] = []) {
    super(message)
    this.code = code
    this.columns = columns
  }
}

const COLUMNS_MAX = 500

export type HeaderNeeds = {
  /** Columns that placeholders use. */
  readonly columns: readonly string[]
  /** What to do with columns that nothing uses. */
  readonly unknownColumns: 'ignore' | 'refuse'
}

/** Where in a row the things we keep are. */
export type Header = {
  readonly fields: number
  readonly to: number
  /** -1 when there is none. */
  readonly ref: number
  /** The place of each needed column, in the order of `HeaderNeeds.columns`. */
  readonly columns: readonly number[]
  readonly ignored: readonly string[]
}

/**
 * Hold a CSV's first row against what the campaign needs.
 *
 * @throws UploadRefused with the columns at fault.
 */
export function readHeader(fields: readonly string[], needs: HeaderNeeds): Header {
  const names = fields.map((field) => field.trim().normalize('NFC'))
  if (names.length > COLUMNS_MAX)
    throw new UploadRefused(
      'too_many_columns',
      `the header has ${names.length} columns, at most ${COLUMNS_MAX} are read`,
    )
  refuseDuplicates(names)
  const to = names.indexOf('to')
  if (to < 0) throw withoutTo(names)
  const places = needs.columns.map((column) => names.indexOf(column.normalize('NFC')))
  const missing = needs.columns.filter((_, index) => (places[index] ?? -1) < 0)
  if (missing.length > 0) {
    throw new UploadRefused(
      'missing_placeholder_column',
      `the template needs ${list(missing)}, the header has ${list(names)}`,
      missing,
    )
  }
  const used = new Set(['to', 'ref', ...needs.columns.map((column) => column.normalize('NFC'))])
  const ignored = names.flatMap((name, index) => (used.has(name) ? [] : [name === '' ? `(column ${index + 1})` : name]))
  if (needs.unknownColumns === 'refuse' && ignored.length > 0) {
    throw new UploadRefused('unknown_column', `no placeholder uses ${list(ignored)}`, ignored)
  }
  return { fields: names.length, to, ref: names.indexOf('ref'), columns: places, ignored }
}

function refuseDuplicates(names: readonly string[]): void {
  const twice = [...new Set(names.filter((name, index) => name !== '' && names.indexOf(name) !== index))]
  if (twice.length > 0)
    throw new UploadRefused('duplicate_column', `the header names ${list(twice)} more than once`, twice)
}

function withoutTo(names: readonly string[]): UploadRefused {
  // UTF-16, as spreadsheets export "Unicode text", has a zero byte in every other place and a mark that UTF-8 does not know.
  if (names.some((name) => name.includes('\0') || name.includes('\uFFFD')))
    return new UploadRefused(
      'not_utf8',
      'the header is not UTF-8 (UTF-16, perhaps, or no text); save the file as UTF-8',
    )
  const only = names[0] ?? ''
  for (const [mark, name] of [
    [';', 'semicolons'],
    ['\t', 'tabs'],
    ['|', 'bars'],
  ] as const) {
    if (names.length === 1 && only.includes(mark)) {
      return new UploadRefused('wrong_delimiter', `the columns are separated by ${name}; commas are expected`)
    }
  }
  return new UploadRefused(
    'missing_to_column',
    `a column "to" with the telephone number is needed, the header has ${list(names)}`,
    ['to'],
  )
}

/** Names for a message: quoted, and not too many of them. */
function list(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => `"${name.slice(0, 60)}"`)
  return shown.join(', ') + (names.length > shown.length ? ` and ${names.length - shown.length} more` : '')
}
