import type { CsvReason } from './csv.ts'
import type { JsonReason } from './json-stream.ts'
import type { PhoneReason } from './phone.ts'
import type { ReachWarning } from './reach.ts'
import type { TextReason } from './text.ts'

/** Why one row of an upload was refused. The rest of the upload is taken all the same. */
export type RowReason =
  | PhoneReason
  | CsvReason
  | JsonReason
  | TextReason
  | 'missing_value'
  | 'bad_value'
  | 'ref_too_long'
  | 'unknown_column'
  | 'united_states'

/** What upstream is told about a refused row. Never the row itself: answers end up in logs, and rows hold numbers. */
export type Rejection = {
  /** The line of the body on which the row begins, from 1. */
  readonly line: number
  readonly reason: RowReason
  /** The column at fault; `null` when the whole row is. */
  readonly column: string | null
}

/** Rejections told one by one; beyond that they are only counted. */
const REJECTIONS_KEPT = 100

const TEXTS: Readonly<Record<RowReason, string>> = {
  empty: 'there is no telephone number',
  letters: 'the telephone number has letters in it',
  spreadsheet_number: 'a spreadsheet shortened the telephone number (5.5E+12): export the column as text',
  bad_character: 'the telephone number has a character that does not belong there',
  no_country_code: 'the telephone number has no country code: write it as +55… or 0055…',
  unknown_country_code: 'the telephone number begins with no known country code',
  too_short: 'the telephone number is too short for its country',
  too_long: 'the telephone number is too long for its country',
  wrong_length: 'no telephone number of its country has this length',
  impossible_number: 'its country assigns no such telephone numbers',
  field_count: 'the row has more or fewer fields than the header',
  malformed_quote:
    'a quote stands where none may be: a field that holds quotes is itself quoted, and quotes in it doubled',
  unterminated_quote: 'a quote is opened and never closed',
  row_too_long: 'the row is longer than 65,536 characters',
  not_json: 'the record is not JSON',
  not_an_object: 'the record is not an object such as { "to": "+55…" }',
  record_too_long: 'the record is longer than 65,536 characters',
  control_character: 'a control character stands in the text',
  bad_encoding: 'the text is not UTF-8',
  value_too_long: 'the value is longer than 1,024 characters',
  missing_value: 'a placeholder needs this column, and the row has no value in it',
  bad_value: 'a string, a number or a boolean is expected',
  ref_too_long: 'the ref is longer than 256 characters',
  unknown_column: 'no placeholder uses this column',
  united_states:
    'marketing messages never reach numbers of the United States; "sendToUnitedStates" takes them all the same',
}

/** A rejection in a sentence for people. */
export function describeRejection(rejection: Rejection): string {
  const where = rejection.column === null ? '' : `, column ${rejection.column}`
  return `line ${rejection.line}${where}: ${TEXTS[rejection.reason]}`
}

export type Counts<K extends string> = Partial<Record<K, number>>

/** What came of some rows: how many, how many were refused and why, how many will not be reached. */
export type TallyDelta = {
  readonly rows: number
  readonly rejected: Counts<RowReason>
  readonly warnings: Counts<ReachWarning>
}

/** Counts an upload's rows, as a whole and since it was last asked. */
export class Tally {
  rows = 0
  readonly rejected: Counts<RowReason> = {}
  readonly rejections: Rejection[] = []
  readonly warnings: Counts<ReachWarning> = {}
  #rows = 0
  #rejected: Counts<RowReason> = {}
  #warnings: Counts<ReachWarning> = {}

  reject(line: number, reason: RowReason, column: string | null): void {
    this.rejected[reason] = (this.rejected[reason] ?? 0) + 1
    this.#rejected[reason] = (this.#rejected[reason] ?? 0) + 1
    if (this.rejections.length < REJECTIONS_KEPT) this.rejections.push({ line, reason, column })
  }

  warn(warning: ReachWarning): void {
    this.warnings[warning] = (this.warnings[warning] ?? 0) + 1
    this.#warnings[warning] = (this.#warnings[warning] ?? 0) + 1
  }

  /** What was counted since the last call. */
  takeDelta(): TallyDelta {
    const delta = { rows: this.rows - this.#rows, rejected: this.#rejected, warnings: this.#warnings }
    this.#rows = this.rows
    this.#rejected = {}
    this.#warnings = {}
    return delta
  }
}
