/** A row longer than this is no row of recipients: nearly always a quote that was opened and never closed. */
export const ROW_CHARS_MAX = 65_536

/** How often a file may lose its quotes before it is given up: each time costs a second look at up to a row's length. */
const RESYNC_MAX = 100

/** Why a row cannot be read. */
export type CsvReason = 'field_count' | 'malformed_quote' | 'unterminated_quote' | 'row_too_long'

/** Told of each row as it ends. `fields` is reused for the next row: take what you keep. */
export type CsvListener = {
  /**
   * @param count fields of this row; `fields` may be longer, from an earlier row.
   * @param line where the row begins, from 1, counting the file's own lines.
   */
  row(fields: readonly string[], count: number, line: number): void
  bad(reason: CsvReason, line: number): void
}

export type CsvEnd =
  | 'complete'
  /** The text ended inside a quoted field of its last line: the rest never came. */
  | 'broke_off'

/** Too many rows whose quotes do not close: the file is not what it says it is. */
export class CsvHopeless extends Error {
  readonly code = 'CSV_HOPELESS'
  readonly line: number

  constructor(line: number) {
    super(`more than ${RESYNC_MAX} quotes are opened and never closed, the last in line ${line}`)
    this.line = line
  }
}

/** The row does not end in the text at hand. */
const UNFINISHED = -1
/** The row is longer than any row may be. */
const TOO_LONG = -2

const QUOTE = 0x22
const COMMA = 0x2c
const LF = 0x0a
const CR = 0x0d

/**
 * RFC 4180 in pieces of any size: commas, quotes doubled inside quotes, line breaks inside quotes, LF or CRLF, a byte
 * order mark. Stricter than most readers where leniency would guess (a quote inside a bare field), because a guess here
 * sends somebody the wrong text. A row with a quote that never closes costs that one line, not the rest of the file.
 */
export class CsvReader {
  readonly #listener: CsvListener
  readonly #fields: string[] = []
  #rest = ''
  #line = 1
  #resyncs = 0
  #begun = false
  /** Inside a line that was given up before its end was seen. */
  #skipping = false

  constructor(listener: CsvListener) {
    this.#listener = listener
  }

  push(text: string): void {
    if (!this.#begun && text !== '') {
      this.#begun = true
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1)
    }
    const joined = this.#rest === '' ? text : this.#rest + text
    // Without a line break nothing can end: do not search a long row again for each small piece of it.
    const mayEnd = text.includes('\n') || joined.length > ROW_CHARS_MAX
    this.#rest = mayEnd ? this.#readRows(joined) : joined
  }

  /** Whether what was read ends with a row, or with a line that was given up. */
  get isBetweenRows(): boolean {
    return this.#rest === '' && !this.#skipping
  }

  /** Somebody else has read the next line; returns its number. */
  passLine(): number {
    return this.#line++
  }

  end(): CsvEnd {
    // What is left has no line break that ends it: give it one, and see whether it is a row then.
    let left = this.#rest === '' ? '' : this.#readRows(`${this.#rest}\n`)
    let brokeOff = false
    while (left !== '') {
      brokeOff = left.indexOf('\n') === left.length - 1
      left = this.#readRows(left.slice(this.#giveUpLine(left, 0)))
    }
    return brokeOff ? 'broke_off' : 'complete'
  }

  /** Read every row that ends in `text`; returns what is left of it. */
  #readRows(text: string): string {
    let at = this.#skipping ? this.#endSkipping(text) : 0
    while (at < text.length) {
      const next = this.#readRow(text, at)
      if (next >= 0) at = next
      else if (next === TOO_LONG || text.length - at > ROW_CHARS_MAX) at = this.#giveUpLine(text, at)
      else break
    }
    return text.slice(at)
  }

  /** One row from `at`; returns where the next begins, or `UNFINISHED` or `TOO_LONG`. */
  #readRow(text: string, at: number): number {
    const fields = this.#fields
    const end = text.length
    let count = 0
    let from = at
    for (let place = at; place < end; place++) {
      const char = text.charCodeAt(place)
      if (char === COMMA) {
        fields[count++] = text.slice(from, place)
        from = place + 1
      } else if (char === LF) {
        if (place - at > ROW_CHARS_MAX) return TOO_LONG
        const last = place > from && text.charCodeAt(place - 1) === CR ? place - 1 : place
        fields[count++] = text.slice(from, last)
        if (last !== at) this.#listener.row(fields, count, this.#line)
        this.#line += 1
        return place + 1
      } else if (char === QUOTE) {
        return this.#readQuotedRow(text, at)
      }
    }
    return UNFINISHED
  }

  /** The same with quotes: slower, and able to say what is wrong. */
  #readQuotedRow(text: string, at: number): number {
    const fields = this.#fields
    const end = text.length
    let count = 0
    let breaks = 0
    let place = at
    let malformed = false
    for (;;) {
      // At the beginning of a field.
      if (text.charCodeAt(place) === QUOTE) {
        const close = closingQuote(text, place + 1)
        // A quote at the very end may be the first half of a doubled one: wait for what follows.
        if (close < 0 || close + 1 >= end) return UNFINISHED
        const raw = text.slice(place + 1, close)
        breaks += countBreaks(raw)
        fields[count++] = raw.includes('"') ? raw.replaceAll('""', '"') : raw
        place = close + 1
        const after = text.charCodeAt(place)
        if (after === CR && place + 1 >= end) return UNFINISHED
        if (after !== COMMA && after !== LF && !(after === CR && text.charCodeAt(place + 1) === LF)) malformed = true
      } else {
        const from = place
        while (place < end && text.charCodeAt(place) !== COMMA && text.charCodeAt(place) !== LF) {
          if (text.charCodeAt(place) === QUOTE) malformed = true
          place++
        }
        const last =
          place > from && place < end && text.charCodeAt(place) === LF && text.charCodeAt(place - 1) === CR
            ? place - 1
            : place
        fields[count++] = text.slice(from, last)
      }
      if (place - at > ROW_CHARS_MAX) return TOO_LONG
      if (malformed) return this.#skipLine(text, at)
      if (place >= end) return UNFINISHED
      if (text.charCodeAt(place) === CR) place++
      if (text.charCodeAt(place) === LF) {
        this.#listener.row(fields, count, this.#line)
        this.#line += 1 + breaks
        return place + 1
      }
      place++
      if (place >= end) return UNFINISHED
    }
  }

  /** A row with quotes where none may be: only its first line is given up, the next may well be sound. */
  #skipLine(text: string, at: number): number {
    const lineEnd = text.indexOf('\n', at)
    if (lineEnd < 0) return UNFINISHED
    if (lineEnd - at > ROW_CHARS_MAX) return TOO_LONG
    this.#listener.bad('malformed_quote', this.#line)
    this.#line += 1
    return lineEnd + 1
  }

  /** A row that does not end in time: give up its first line; returns where the next begins. */
  #giveUpLine(text: string, at: number): number {
    const lineEnd = text.indexOf('\n', at)
    const isLong = lineEnd < 0 || lineEnd - at > ROW_CHARS_MAX
    this.#listener.bad(isLong ? 'row_too_long' : 'unterminated_quote', this.#line)
    if (++this.#resyncs > RESYNC_MAX) throw new CsvHopeless(this.#line)
    this.#skipping = lineEnd < 0
    if (this.#skipping) return text.length
    this.#line += 1
    return lineEnd + 1
  }

  /** The rest of a line that was given up; returns where the next begins. */
  #endSkipping(text: string): number {
    const lineEnd = text.indexOf('\n')
    if (lineEnd < 0) return text.length
    this.#skipping = false
    this.#line += 1
    return lineEnd + 1
  }
}

/** The quote that closes a field whose content begins at `from`; -1 when it does not close here. */
function closingQuote(text: string, from: number): number {
  for (let at = from; ; at += 2) {
    at = text.indexOf('"', at)
    if (at < 0 || text.charCodeAt(at + 1) !== QUOTE) return at
  }
}

function countBreaks(text: string): number {
  let breaks = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) breaks++
  return breaks
}
