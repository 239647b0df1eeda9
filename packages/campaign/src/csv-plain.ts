import { CsvReader, ROW_CHARS_MAX } from './csv.ts'
import type { CsvEnd, CsvListener } from './csv.ts'

const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const DELETE = 0x7f

/** Bytes that are read as text when a line was and no plain row follows it; then twice as many each time. */
const TEXT_FIRST = 128

/** Told of rows as `CsvListener`, and of plain ones as they are. */
export type PlainListener = CsvListener & {
  /**
   * A row without quotes, of nothing but letters of the Latin alphabet (up to U+02FF), signs, and maybe carriage returns:
   * nearly every row. No string is made of a field that nobody reads.
   *
   * @param bounds field `n` is what stands in `bytes` (UTF-8) from `bounds[2n]` up to, without, `bounds[2n + 1]`. Reused
   *   for the next row.
   */
  plainRow(bytes: Uint8Array, bounds: Int32Array, count: number, line: number): void
}

/** Fields of a plain row; no header has more columns. */
const FIELDS_MAX = 1024

/**
 * Reads a CSV from its bytes: plain rows here, one look at each byte, and every other row as `CsvReader` does, which is
 * right about all of them and five times as slow.
 */
export class PlainCsvReader {
  readonly #listener: PlainListener
  readonly #reader: CsvReader
  readonly #bounds = new Int32Array(FIELDS_MAX * 2)
  /** Where the row ends of which `#scan` has found the bounds. */
  #next = 0
  /** Bytes that go to `CsvReader` when next some do, and the rest of their line. */
  #asText = 0
  /** What went there did not end a line: characters may be unfinished, too. */
  #isMidLine = true

  constructor(listener: PlainListener) {
    this.#listener = listener
    this.#reader = new CsvReader(listener)
  }

  /** Text that is read as `CsvReader` does. */
  push(text: string): void {
    this.#reader.push(text)
  }

  /** @param decode UTF-8 in pieces, one after the other, to text. */
  pushBytes(bytes: Uint8Array, decode: (part: Uint8Array) => string): void {
    let at = 0
    while (at < bytes.length) {
      if (!this.#isMidLine && this.#reader.isBetweenRows) at = this.#readPlain(bytes, at)
      if (at === bytes.length) return
      const end = endOfText(bytes, at + this.#asText)
      this.#reader.push(decode(bytes.subarray(at, end)))
      this.#isMidLine = bytes[end - 1] !== LF
      if (end < bytes.length) this.#asText = Math.max(TEXT_FIRST, this.#asText * 2)
      at = end
    }
  }

  end(): CsvEnd {
    return this.#reader.end()
  }

  /** Read plain rows from `at` on; returns where the first begins that is none. */
  #readPlain(bytes: Uint8Array, at: number): number {
    for (;;) {
      const count = this.#scan(bytes, at)
      if (count === 0) return at
      const line = this.#reader.passLine()
      // A blank line is no row.
      if (count > 1 || (this.#bounds[1] ?? 0) > at) this.#listener.plainRow(bytes, this.#bounds, count, line)
      at = this.#next
      this.#asText = 0
    }
  }

  /** Find the fields of the row at `from`; returns how many, 0 when the row is not plain or does not end here. */
  #scan(bytes: Uint8Array, from: number): number {
    const bounds = this.#bounds
    const end = Math.min(bytes.length, from + ROW_CHARS_MAX)
    let at = 0
    bounds[at++] = from
    for (let place = from; place < end; place++) {
      const byte = bytes[place] ?? 0
      if (byte > COMMA && byte < DELETE) continue
      if (byte === COMMA) {
        if (at >= bounds.length - 2) return 0
        bounds[at++] = place
        bounds[at++] = place + 1
      } else if (byte === LF) {
        bounds[at++] = place > (bounds[at - 2] ?? 0) && bytes[place - 1] === CR ? place - 1 : place
        this.#next = place + 1
        return at >> 1
      } else if (byte >= DELETE) {
        if (!isPlainPair(byte, bytes[++place] ?? 0)) return 0
      } else if (byte === QUOTE || (byte < SPACE && byte !== CR)) {
        return 0
      }
    }
    return 0
  }
}

/** U+00A0 to U+02FF: letters that look alike in one way only, and are written in two bytes. */
function isPlainPair(first: number, second: number): boolean {
  if (first < 0xc2 || first > 0xcb || (second & 0xc0) !== 0x80) return false
  return first > 0xc2 || second >= 0xa0
}

/** Text goes up to the end of a line, or of what there is. */
function endOfText(bytes: Uint8Array, from: number): number {
  const lineEnd = bytes.indexOf(LF, from)
  return lineEnd < 0 ? bytes.length : lineEnd + 1
}
