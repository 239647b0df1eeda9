/** A record longer than this is no recipient. */
export const RECORD_CHARS_MAX = 65_536

/** Why a record cannot be read. */
export type JsonReason = 'not_json' | 'not_an_object' | 'record_too_long'

export type JsonRecord = Readonly<Record<string, unknown>>

/** Told of each record as it ends; `line` is where it begins, from 1. */
export type JsonListener = {
  record(value: JsonRecord, line: number): void
  /** A record that is a bare string: a list of telephone numbers and nothing else. */
  text(value: string, line: number): void
  bad(reason: JsonReason, line: number): void
}

export type JsonEnd =
  | 'complete'
  /** The text ended inside a record, or an array was never closed: the rest never came. */
  | 'broke_off'

/** The body is not what its content type says: nothing in it can be told apart. */
export class NotAnArray extends Error {
  readonly code = 'NOT_AN_ARRAY'
  readonly line: number

  constructor(line: number, what: string) {
    super(`line ${line}: ${what}`)
    this.line = line
  }
}

const LF = 0x0a
const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Newline-delimited JSON in pieces of any size: one object a line, blank lines do not count. */
export class NdjsonReader {
  readonly #listener: JsonListener
  #rest = ''
  #line = 0
  /** Inside a line that is too long: it was reported, what is left of it is passed over. */
  #skipping = false

  constructor(listener: JsonListener) {
    this.#listener = listener
  }

  push(text: string): void {
    let from = 0
    for (let lineEnd = text.indexOf('\n'); lineEnd >= 0; lineEnd = text.indexOf('\n', from)) {
      this.#endLine(this.#rest + text.slice(from, lineEnd))
      this.#rest = ''
      from = lineEnd + 1
    }
    if (this.#skipping) return
    this.#rest += text.slice(from)
    if (this.#rest.length > RECORD_CHARS_MAX) {
      this.#listener.bad('record_too_long', this.#line + 1)
      this.#skipping = true
      this.#rest = ''
    }
  }

  end(): JsonEnd {
    const last = this.#rest.trim()
    if (last === '') return 'complete'
    this.#endLine(last)
    return last.startsWith('{') && parse(last) === undefined ? 'broke_off' : 'complete'
  }

  #endLine(text: string): void {
    this.#line += 1
    if (this.#skipping) {
      this.#skipping = false
      return
    }
    const line = this.#line === 1 && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
    if (line.length > RECORD_CHARS_MAX) this.#listener.bad('record_too_long', this.#line)
    else if (line.trim() !== '') tell(this.#listener, line, this.#line)
  }
}

/**
 * A JSON array of objects in pieces of any size. Elements are cut out by counting brackets outside of strings and parsed
 * one at a time, so that no array is ever whole in memory. A single object counts as an array of one.
 */
export class JsonArrayReader {
  readonly #listener: JsonListener
  /** Text from the beginning of the element that has not ended; empty between elements. */
  #element = ''
  /** Characters of that element so far, kept or not. */
  #length = 0
  #where: 'before' | 'between' | 'after_comma' | 'element' | 'after' = 'before'
  #depth = 0
  #inString = false
  #escaped = false
  #line = 1
  #elementLine = 1
  #lone = false

  constructor(listener: JsonListener) {
    this.#listener = listener
  }

  push(text: string): void {
    let from = 0
    let at = 0
    while (at < text.length) {
      if (this.#where !== 'element') {
        if (!this.#outside(text, at)) {
          at += 1
          continue
        }
        from = at
      }
      at = this.#elementEnd(text, at)
      if (at < 0) break
      this.#endElement(this.#length + at - from, this.#element + text.slice(from, at))
    }
    if (!this.#isInside()) return
    this.#length += text.length - from
    // Of an element that is too long only its brackets are followed, to its end.
    this.#element = this.#length > RECORD_CHARS_MAX ? '' : this.#element + text.slice(from)
  }

  end(): JsonEnd {
    if (this.#where === 'before')
      throw new NotAnArray(this.#line, 'a JSON array of recipients is expected, the body is empty')
    if (this.#where === 'element') this.#listener.bad('not_json', this.#elementLine)
    return this.#where === 'after' ? 'complete' : 'broke_off'
  }

  #isInside(): boolean {
    return this.#where === 'element'
  }

  /** Where the element ends that goes on at `at` (the place after it), or -1 when it does not end in this text. */
  #elementEnd(text: string, at: number): number {
    for (let place = at; place < text.length; place++) {
      const char = text.charCodeAt(place)
      if (char === LF) this.#line += 1
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false
        else if (char === BACKSLASH) this.#escaped = true
        else if (char === QUOTE) {
          this.#inString = false
          if (this.#depth === 0) return place + 1
        }
      } else if (char === QUOTE) {
        this.#inString = true
      } else if (char === OPEN_BRACE || char === OPEN_BRACKET) {
        this.#depth += 1
      } else if (this.#depth > 0) {
        if (char === CLOSE_BRACE || char === CLOSE_BRACKET) this.#depth -= 1
        if (this.#depth === 0) return place + 1
      } else if (char === COMMA || char === CLOSE_BRACKET || isSpace(char)) {
        // A bare word or number ends before this character, which is looked at again.
        if (char === LF) this.#line -= 1
        return place
      }
    }
    return -1
  }

  /** A character outside of elements; true when an element begins at it. */
  #outside(text: string, at: number): boolean {
    const char = text.charCodeAt(at)
    if (char === LF) this.#line += 1
    if (isSpace(char) || (char === 0xfeff && this.#where === 'before')) return false
    if (this.#where === 'before') {
      if (char === OPEN_BRACKET) {
        this.#where = 'after_comma'
        return false
      }
      if (char !== OPEN_BRACE)
        throw new NotAnArray(
          this.#line,
          `a JSON array of recipients is expected, found ${JSON.stringify(text.slice(at, at + 10))}`,
        )
      this.#lone = true
    } else if (this.#where === 'after') {
      throw new NotAnArray(
        this.#line,
        `nothing is expected after the array, found ${JSON.stringify(text.slice(at, at + 10))}`,
      )
    } else if (char === CLOSE_BRACKET) {
      this.#where = 'after'
      return false
    } else if (char === COMMA && this.#where === 'between') {
      this.#where = 'after_comma'
      return false
    } else if (this.#where === 'between' || char === COMMA) {
      throw new NotAnArray(
        this.#line,
        `a comma or the end of the array is expected, found ${JSON.stringify(text.slice(at, at + 10))}`,
      )
    }
    this.#where = 'element'
    this.#elementLine = this.#line
    this.#depth = 0
    this.#inString = false
    return true
  }

  #endElement(length: number, text: string): void {
    this.#where = this.#lone ? 'after' : 'between'
    this.#element = ''
    this.#length = 0
    if (length > RECORD_CHARS_MAX) this.#listener.bad('record_too_long', this.#elementLine)
    else tell(this.#listener, text, this.#elementLine)
  }
}

function tell(listener: JsonListener, text: string, line: number): void {
  const value = parse(text)
  if (value === undefined) listener.bad('not_json', line)
  else if (isRecord(value)) listener.record(value, line)
  else if (typeof value === 'string') listener.text(value, line)
  else listener.bad('not_an_object', line)
}

/** `undefined` for a text that is not JSON (JSON itself has no `undefined`). */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSpace(char: number): boolean {
  return char === 0x20 || char === LF || char === 0x0d || char === 0x09
}
