import { CHUNK_ROWS } from './chunk.ts'
import type { PackedChunk } from './chunk.ts'
import { PlainCsvReader } from './csv-plain.ts'
import { readHeader, UploadRefused } from './header.ts'
import type { Header, HeaderNeeds } from './header.ts'
import { JsonArrayReader, NdjsonReader } from './json-stream.ts'
import type { JsonRecord } from './json-stream.ts'
import { sortedPlaces } from './order.ts'
import { personKey } from './person.ts'
import { phoneReason, scanPhone, scanPlainPhone } from './phone.ts'
import { reachWarning } from './reach.ts'
import { Rows } from './rows.ts'
import { Tally } from './tally.ts'
import type { TallyDelta } from './tally.ts'
import { cleanText, REF_CHARS_MAX, VALUE_CHARS_MAX } from './text.ts'
import type { TextReason } from './text.ts'

/** Chunks that are stored in one step: enough to spare round trips, few enough that no script takes long. */
export const BATCH_CHUNKS = 4

/** Rows that are put in order together: each bucket of the number set then gets several of them at once. */
export const ORDERED_ROWS = 32_000

/** Each part of a list has twice as many as the one before, up to this: the longer the list, the more buckets it has. */
const ORDERED_ROWS_MAX = 128_000

/** With values of so many bytes fewer rows are put in order together: memory must not grow with the length of values. */
const ORDERED_BYTES = 8_388_608

/** Columns that nothing uses, reported by name up to this many. */
const IGNORED_MAX = 100

export type IntakeFormat = 'csv' | 'ndjson' | 'json'

export type IntakeNeeds = HeaderNeeds & {
  /** Numbers of the United States, which marketing messages never reach (reach.ts). */
  readonly unitedStates: 'take' | 'refuse'
}

/** Rows to be stored in one step, with what is to be counted along with them. */
export type Batch = { readonly chunks: readonly PackedChunk[]; readonly tally: TallyDelta }

/**
 * Turns the text of an upload, in pieces of any size, into batches of recipients. Rows that cannot be taken are counted
 * and told; the others are taken all the same. Holds at most `ORDERED_ROWS_MAX` rows beside the batches that are ready.
 *
 * Rows keep the order of the upload, but for those of a full part (`ORDERED_ROWS`), which stand in the order that their
 * storage takes in fastest.
 */
export class RecipientIntake {
  readonly tally = new Tally()
  readonly #needs: IntakeNeeds
  readonly #names: readonly string[]
  readonly #ignored = new Set<string>()
  readonly #reader: PlainCsvReader | NdjsonReader | JsonArrayReader
  readonly #ready: ReadyRows[] = []
  readonly #known: ReadonlySet<string>
  readonly #placeOf: ((person: number) => number) | null
  #header: Header | null = null
  #open: Rows
  /** Rows that make a full part. */
  #full: number
  /** Rows whose chunks were all taken: their room is used again. */
  #spare: Rows | null = null

  /** @param placeOf where a number is stored, as something to sort by, below 2^31; `null`: order makes no difference. */
  constructor(format: IntakeFormat, needs: IntakeNeeds, placeOf: ((person: number) => number) | null = null) {
    this.#placeOf = placeOf
    this.#full = placeOf === null ? BATCH_ROWS : ORDERED_ROWS
    this.#needs = needs
    this.#names = needs.columns
    this.#known = new Set(['to', 'ref', ...needs.columns])
    this.#open = new Rows(this.#names)
    this.#reader = this.#readerOf(format)
  }

  /** @throws UploadRefused, CsvHopeless or NotAnArray when nothing more can be read. */
  push(text: string): void {
    this.#reader.push(text)
  }

  /**
   * The same of bytes, which is faster for a CSV.
   *
   * @param decode UTF-8 in pieces, one after the other, to text.
   */
  pushBytes(bytes: Uint8Array, decode: (part: Uint8Array) => string): void {
    if (this.#reader instanceof PlainCsvReader) this.#reader.pushBytes(bytes, decode)
    else this.#reader.push(decode(bytes))
  }

  /**
   * The body has ended: what is left forms the last batch.
   *
   * @returns `broke_off` when it ended where no upload ends. The rows before that are good.
   */
  end(): 'complete' | 'broke_off' {
    const end = this.#reader.end()
    if (this.#reader instanceof PlainCsvReader && this.#header === null)
      throw new UploadRefused('empty_body', 'the body is empty: a header row is expected')
    this.#takeRows(false)
    return end
  }

  /** The body broke off: the rows before that form the last batch, and what was read of the next is let go. */
  breakOff(): void {
    this.#takeRows(false)
  }

  /** The next batch that is full, or the last; `null` when there is none yet. Its chunks are made now. */
  takeBatch(): Batch | null {
    const [ready] = this.#ready
    if (ready === undefined) return null
    const { rows, order, tally } = ready
    const end = Math.min(ready.taken + BATCH_ROWS, rows.count)
    const chunks: PackedChunk[] = []
    for (; ready.taken < end; ready.taken = Math.min(ready.taken + CHUNK_ROWS, end))
      chunks.push(rows.cut(order, ready.taken, Math.min(ready.taken + CHUNK_ROWS, end)))
    if (end < rows.count) return { chunks, tally: NOTHING_TO_COUNT }
    this.#ready.shift()
    rows.clear()
    this.#spare = rows
    return { chunks, tally }
  }

  /** Batches that are ready. */
  get ready(): number {
    return this.#ready.reduce(
      (sum, { rows, taken }) => sum + Math.max(1, Math.ceil((rows.count - taken) / BATCH_ROWS)),
      0,
    )
  }

  /** Columns that nothing uses; at most 100 are named. */
  get ignoredColumns(): string[] {
    return [...this.#ignored]
  }

  #readerOf(format: IntakeFormat): PlainCsvReader | NdjsonReader | JsonArrayReader {
    const bad = (reason: Parameters<Tally['reject']>[1], line: number): void => this.#reject(line, reason, null)
    if (format === 'csv') {
      return new PlainCsvReader({
        row: (fields, count, line) => this.#row(fields, count, line),
        plainRow: (bytes, bounds, count, line) => this.#plainRow(bytes, bounds, count, line),
        bad,
      })
    }
    const listener = {
      record: (record: JsonRecord, line: number): void => this.#record(record, line),
      text: (text: string, line: number): void => this.#record({ to: text }, line),
      bad,
    }
    return format === 'ndjson' ? new NdjsonReader(listener) : new JsonArrayReader(listener)
  }

  #row(fields: readonly string[], count: number, line: number): void {
    const header = this.#header
    if (header === null) return this.#takeHeader(fields.slice(0, count))
    if (count !== header.fields) return this.#reject(line, 'field_count', null)
    const to = scanPhone(fields[header.to] ?? '')
    if (to <= 0) return this.#reject(line, phoneReason(to), 'to')
    const places = header.columns
    for (let column = 0; column < places.length; column++) {
      if (!this.#keep(column, this.#write(fields[places[column] ?? 0] ?? '', VALUE_CHARS_MAX), line)) return
    }
    if (this.#keepRef(this.#write(fields[header.ref] ?? '', REF_CHARS_MAX), line)) this.#add(to, line)
  }

  /** The same of a row that needs no care: no string is made of its fields. */
  #plainRow(bytes: Uint8Array, bounds: Int32Array, count: number, line: number): void {
    const header = this.#header
    if (header === null || count !== header.fields) return this.#row(fieldsOf(bytes, bounds, count), count, line)
    const [from = 0, end = 0] = [bounds[header.to * 2], bounds[header.to * 2 + 1]]
    const to = scanPlainPhone(bytes, from, end) ?? scanPhone(plainText(bytes, from, end))
    if (to <= 0) return this.#reject(line, phoneReason(to), 'to')
    const places = header.columns
    for (let column = 0; column < places.length; column++) {
      const place = (places[column] ?? 0) * 2
      const written = this.#writeBytes(bytes, bounds[place] ?? 0, bounds[place + 1] ?? 0, VALUE_CHARS_MAX)
      if (!this.#keep(column, written, line)) return
    }
    const ref = header.ref * 2
    const written = ref < 0 ? 'empty' : this.#writeBytes(bytes, bounds[ref] ?? 0, bounds[ref + 1] ?? 0, REF_CHARS_MAX)
    if (this.#keepRef(written, line)) this.#add(to, line)
  }

  #takeHeader(fields: readonly string[]): void {
    this.#header = readHeader(fields, this.#needs)
    for (const name of this.#header.ignored.slice(0, IGNORED_MAX)) this.#ignored.add(name)
  }

  #record(record: JsonRecord, line: number): void {
    const unknown = this.#unknownColumn(record)
    if (unknown !== null) return this.#reject(line, 'unknown_column', unknown)
    const number = textOf(record, 'to')
    if (number === undefined) return this.#reject(line, 'bad_value', 'to')
    const to = scanPhone(number)
    if (to <= 0) return this.#reject(line, phoneReason(to), 'to')
    for (let column = 0; column < this.#names.length; column++) {
      const name = this.#names[column] ?? ''
      const value = textOf(record, name)
      if (value === undefined) return this.#reject(line, 'bad_value', name)
      if (!this.#keep(column, this.#write(value, VALUE_CHARS_MAX), line)) return
    }
    const ref = textOf(record, 'ref')
    if (ref === undefined) return this.#reject(line, 'bad_value', 'ref')
    if (this.#keepRef(this.#write(ref, REF_CHARS_MAX), line)) this.#add(to, line)
  }

  /** The first column nothing uses, if such are refused; else they are remembered. */
  #unknownColumn(record: JsonRecord): string | null {
    for (const name of Object.keys(record)) {
      if (this.#known.has(name)) continue
      if (this.#needs.unknownColumns === 'refuse') return name.slice(0, 60)
      if (this.#ignored.size < IGNORED_MAX) this.#ignored.add(name.slice(0, 60))
    }
    return null
  }

  /** Write a value, at most so many characters of it, as it can be sent. */
  #write(value: string, most: number): Written {
    const clean = cleanText(value)
    if (clean.kind === 'refused') return clean.reason
    if (clean.text === '') return 'empty'
    if (clean.text.length > most) return 'too_long'
    this.#open.write(clean.text)
    return 'written'
  }

  /** The same of bytes of plain text, which nearly always can be sent as they are. */
  #writeBytes(bytes: Uint8Array, from: number, end: number, most: number): Written {
    if (from === end) return 'empty'
    const isReady = end - from <= most && isInk(bytes[from] ?? 0) && isInk(bytes[end - 1] ?? 0)
    if (isReady && this.#open.writeBytes(bytes, from, end)) return 'written'
    return this.#write(plainText(bytes, from, end), most)
  }

  /** False when the row was refused for its value of this column. */
  #keep(column: number, written: Written, line: number): boolean {
    if (written === 'written') return true
    const reason = written === 'empty' ? 'missing_value' : written === 'too_long' ? 'value_too_long' : written
    this.#reject(line, reason, this.#names[column] ?? null)
    return false
  }

  /** False when the row was refused for its ref. */
  #keepRef(written: Written, line: number): boolean {
    if (written === 'empty') this.#open.writeNoRef()
    if (written === 'written' || written === 'empty') return true
    this.#reject(line, written === 'too_long' ? 'ref_too_long' : written, 'ref')
    return false
  }

  /** The row is written and whole. */
  #add(to: number, line: number): void {
    const warning = reachWarning(to)
    if (warning === 'us_number' && this.#needs.unitedStates === 'refuse')
      return this.#reject(line, 'united_states', 'to')
    if (warning !== null) this.tally.warn(warning)
    this.tally.rows += 1
    const open = this.#open
    open.add(to)
    const isLarge = open.size > ORDERED_BYTES && open.count % CHUNK_ROWS === 0
    if (isLarge || open.count === this.#full) this.#takeRows(true)
  }

  #reject(line: number, reason: Parameters<Tally['reject']>[1], column: string | null): void {
    if (this.#reader instanceof PlainCsvReader && this.#header === null) {
      throw new UploadRefused('unreadable_header', `the header in line ${line} cannot be read (${reason})`)
    }
    this.#open.drop()
    this.tally.rows += 1
    this.tally.reject(line, reason, column)
  }

  /** The rows at hand are ready. */
  #takeRows(full: boolean): void {
    const rows = this.#open
    const placeOf = this.#placeOf
    const tally = this.tally.takeDelta()
    if (rows.count === 0 && tally.rows === 0) return
    const order = full && placeOf !== null ? sortedPlaces(rows.keys((to) => placeOf(personKey(to)))) : null
    this.#ready.push({ rows, order, tally, taken: 0 })
    if (order !== null) this.#full = Math.min(this.#full * 2, ORDERED_ROWS_MAX)
    this.#open = this.#spare ?? new Rows(this.#names)
    this.#spare = null
  }
}

const BATCH_ROWS = BATCH_CHUNKS * CHUNK_ROWS
const NOTHING_TO_COUNT: TallyDelta = { rows: 0, rejected: {}, warnings: {} }

/** Rows that batches are made of when they are asked for; what is to be counted goes with the last. */
type ReadyRows = {
  readonly rows: Rows
  readonly order: Uint32Array | null
  readonly tally: TallyDelta
  /** Rows of which batches were made. */
  taken: number
}

/** What came of writing a value. */
type Written = 'written' | 'empty' | 'too_long' | TextReason

function fieldsOf(bytes: Uint8Array, bounds: Int32Array, count: number): string[] {
  return Array.from({ length: count }, (_, field) =>
    plainText(bytes, bounds[field * 2] ?? 0, bounds[field * 2 + 1] ?? 0),
  )
}

/** Plain text of bytes: characters of one or two. */
function plainText(bytes: Uint8Array, from: number, end: number): string {
  let text = ''
  for (let at = from; at < end; at++) {
    const byte = bytes[at] ?? 0
    text += String.fromCharCode(byte < 0x80 ? byte : ((byte & 0x1f) << 6) | ((bytes[++at] ?? 0) & 0x3f))
  }
  return text
}

/** Whether a byte at the edge of plain text is surely no space: a space that does not break is written C2 A0. */
function isInk(byte: number): boolean {
  return byte > 0x20 && byte !== 0xc2 && byte !== 0xa0
}

/** A record's value as text: `''` when it is missing or null, `undefined` when it is no scalar. */
function textOf(record: JsonRecord, name: string): string | undefined {
  if (!Object.hasOwn(record, name)) return ''
  const value = record[name]
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return value === null ? '' : undefined
}
