import type { PackedChunk } from './chunk.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const ZERO = 0x30
const NULL = 'null'

/** Room for so many rows and bytes at first: most uploads are small. */
const ROWS_FIRST = 512
const BYTES_FIRST = 32_768
/** Digits of the longest number, and its comma. */
const NUMBER_BYTES = 18
/** A character of JSON text in UTF-8 is no longer. */
const CHAR_BYTES = 3
const LOW_DIGITS = 100_000_000

/**
 * Rows between being read and being cut into chunks. A value lies here as it will stand in the chunk's text (JSON in
 * UTF-8), so that a chunk is made by copying bytes: strings and arrays of millions of values would keep the garbage
 * collector busy, and memory with it.
 *
 * A row is written value by value in the order of `names`, its ref last; `add` ends it, `drop` lets it go.
 */
export class Rows {
  readonly #head: string
  readonly #columns: number
  /** Values a row: its columns and the ref. */
  readonly #width: number
  #to = new Float64Array(ROWS_FIRST)
  /** Where each value ends in `#bytes`; it begins where the one before it ends. */
  #ends: Uint32Array
  #bytes = new Uint8Array(BYTES_FIRST)
  #count = 0
  #place = 0
  #at = 0

  constructor(names: readonly string[]) {
    this.#head = `{"names":${JSON.stringify(names)},"to":[`
    this.#columns = names.length
    this.#width = names.length + 1
    this.#ends = new Uint32Array(ROWS_FIRST * this.#width)
  }

  get count(): number {
    return this.#count
  }

  /** Bytes that the values take. */
  get size(): number {
    return this.#at
  }

  /** For each row its number, E.164 without '+', by `map`. */
  keys(map: (to: number) => number): Uint32Array {
    const keys = new Uint32Array(this.#count)
    for (let row = 0; row < keys.length; row++) keys[row] = map(this.#to[row] ?? 0)
    return keys
  }

  /**
   * Write the next value.
   *
   * @returns false when there is a control character in it, which no value has: nothing was written then.
   */
  write(text: string): boolean {
    this.#makeRoom(text.length * CHAR_BYTES + 2)
    const bytes = this.#bytes
    let at = this.#at
    bytes[at++] = QUOTE
    for (let place = 0; place < text.length; place++) {
      const char = text.charCodeAt(place)
      if (char < 0x80) {
        if (char < 0x20) return false
        if (char === QUOTE || char === BACKSLASH) bytes[at++] = BACKSLASH
        bytes[at++] = char
      } else if (char < 0x800) {
        bytes[at++] = 0xc0 | (char >> 6)
        bytes[at++] = 0x80 | (char & 0x3f)
      } else {
        const point = text.codePointAt(place) ?? 0
        at = putLong(bytes, at, point)
        if (point > 0xffff) place++
      }
    }
    bytes[at++] = QUOTE
    this.#endValue(at)
    return true
  }

  /** The same of text in UTF-8: what `write` would have written of it. */
  writeBytes(text: Uint8Array, from: number, end: number): boolean {
    this.#makeRoom((end - from) * 2 + 2)
    const bytes = this.#bytes
    let at = this.#at
    bytes[at++] = QUOTE
    for (let place = from; place < end; place++) {
      const byte = text[place] ?? 0
      if (byte < 0x20) return false
      if (byte === QUOTE || byte === BACKSLASH) bytes[at++] = BACKSLASH
      bytes[at++] = byte
    }
    bytes[at++] = QUOTE
    this.#endValue(at)
    return true
  }

  /** The row has no ref. */
  writeNoRef(): void {
    this.#endValue(this.#at)
  }

  /** What was written of the row, all its values, belongs to this number. */
  add(to: number): void {
    this.#to[this.#count++] = to
    if (this.#count === this.#to.length) this.#makeRowRoom()
  }

  /** Let go what was written of a row. */
  drop(): void {
    this.#place = this.#count * this.#width
    this.#at = this.#startOf(this.#place)
  }

  /** Let go all rows; the room stays. */
  clear(): void {
    this.#count = this.#place = this.#at = 0
  }

  /**
   * The chunk of these rows, as `packChunk` would write it.
   *
   * @param order which rows there are, one after the other; `null`: as they were added.
   * @param from the first place in that order, `end` the one behind the last.
   */
  cut(order: ArrayLike<number> | null, from: number, end: number): PackedChunk {
    const to = new Float64Array(end - from)
    const rows = new Uint32Array(end - from)
    let bytes = this.#head.length * CHAR_BYTES + 64
    for (let index = 0; index < rows.length; index++) {
      const row = order === null ? from + index : (order[from + index] ?? 0)
      rows[index] = row
      to[index] = this.#to[row] ?? 0
      const first = row * this.#width
      bytes +=
        (this.#ends[first + this.#columns] ?? 0) - this.#startOf(first) + NUMBER_BYTES + this.#width + NULL.length
    }
    return { to, json: this.#write(rows, to, new Uint8Array(bytes)) }
  }

  #write(rows: Uint32Array, to: Float64Array, json: Uint8Array): Uint8Array {
    let at = putText(json, 0, this.#head)
    for (let index = 0; index < to.length; index++) {
      if (index > 0) json[at++] = COMMA
      at = putNumber(json, at, to[index] ?? 0)
    }
    at = putText(json, at, '],"refs":')
    if (this.#haveRefs(rows))
      at = putText(json, this.#putValues(json, putText(json, at, '['), rows, this.#columns), ']')
    else at = putText(json, at, NULL)
    at = putText(json, at, ',"columns":[')
    for (let column = 0; column < this.#columns; column++) {
      at = this.#putValues(json, putText(json, at, column === 0 ? '[' : ',['), rows, column)
      at = putText(json, at, ']')
    }
    return json.subarray(0, putText(json, at, ']}'))
  }

  #haveRefs(rows: Uint32Array): boolean {
    return rows.some((row) => {
      const value = row * this.#width + this.#columns
      return this.#startOf(value) !== this.#ends[value]
    })
  }

  /** One column's values of these rows; returns where they end. */
  #putValues(json: Uint8Array, at: number, rows: Uint32Array, column: number): number {
    const ends = this.#ends
    const bytes = this.#bytes
    for (let index = 0; index < rows.length; index++) {
      if (index > 0) json[at++] = COMMA
      const value = (rows[index] ?? 0) * this.#width + column
      const start = value === 0 ? 0 : (ends[value - 1] ?? 0)
      const end = ends[value] ?? 0
      if (start === end) at = putText(json, at, NULL)
      else for (let from = start; from < end; from++) json[at++] = bytes[from] ?? 0
    }
    return at
  }

  #startOf(value: number): number {
    return value === 0 ? 0 : (this.#ends[value - 1] ?? 0)
  }

  #endValue(at: number): void {
    this.#ends[this.#place++] = at
    this.#at = at
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + bytes))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }

  #makeRowRoom(): void {
    const to = new Float64Array(this.#to.length * 2)
    to.set(this.#to)
    this.#to = to
    const ends = new Uint32Array(to.length * this.#width)
    ends.set(this.#ends)
    this.#ends = ends
  }
}

/** A text without quotes around it. */
function putText(bytes: Uint8Array, at: number, text: string): number {
  for (let place = 0; place < text.length; place++) {
    const point = text.codePointAt(place) ?? 0
    if (point > 0xffff) place++
    if (point < 0x80) bytes[at++] = point
    else at = putLong(bytes, at, point)
  }
  return at
}

/** A character beyond ASCII in UTF-8; half of a pair of surrogates, which no text has, as U+FFFD. */
function putLong(bytes: Uint8Array, at: number, point: number): number {
  if (point >= 0xd800 && point < 0xe000) point = 0xfffd
  if (point < 0x800) {
    bytes[at++] = 0xc0 | (point >> 6)
  } else {
    if (point < 0x10000) {
      bytes[at++] = 0xe0 | (point >> 12)
    } else {
      bytes[at++] = 0xf0 | (point >> 18)
      bytes[at++] = 0x80 | ((point >> 12) & 0x3f)
    }
    bytes[at++] = 0x80 | ((point >> 6) & 0x3f)
  }
  bytes[at++] = 0x80 | (point & 0x3f)
  return at
}

/** A whole number of at most 17 digits. In two parts, each of which is a small integer to the machine. */
export function putNumber(bytes: Uint8Array, at: number, value: number): number {
  if (value < LOW_DIGITS) return putSmall(bytes, at, value | 0, 1)
  const high = Math.floor(value / LOW_DIGITS)
  return putSmall(bytes, putSmall(bytes, at, high | 0, 1), (value - high * LOW_DIGITS) | 0, 8)
}

/** @param least digits to write at least. */
function putSmall(bytes: Uint8Array, at: number, value: number, least: number): number {
  let digits = least
  for (let power = 10 ** least; power <= value; power *= 10) digits++
  const end = at + digits
  for (let place = end - 1; place >= at; place--) {
    const tenth = (value / 10) | 0
    bytes[place] = ZERO + value - tenth * 10
    value = tenth
  }
  return end
}
