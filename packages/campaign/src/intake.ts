import { CHUNK_ROWS, pickRows } from './chunk.ts'
import type { Chunk } from './chunk.ts'
import { CsvReader } from './csv.ts'
import { readHeader, UploadRefused } from './header.ts'
import type { Header, HeaderNeeds } from './header.ts'
import { JsonArrayReader, NdjsonReader } from './json-stream.ts'
import type { JsonRecord } from './json-stream.ts'
import { personKey } from './person.ts'
import { phoneReason, scanPhone } from './phone.ts'
import { reachWarning } from './reach.ts'
import { Tally } from './tally.ts'
import type { TallyDelta } from './tally.ts'
import { cleanText, REF_CHARS_MAX, VALUE_CHARS_MAX } from './text.ts'
import type { TextReason } from './text.ts'

/** Chunks that are stored in one step: enough to spare round trips, few enough that no script takes long. */
export const BATCH_CHUNKS = 4

/** Rows that are put in order together: each bucket of the number set then gets several of them at once. */
export const ORDERED_ROWS = 32_000

/** Columns that nothing uses, reported by name up to this many. */
const IGNORED_MAX = 100

export type IntakeFormat = 'csv' | 'ndjson' | 'json'

export type IntakeNeeds = HeaderNeeds & {
  /** Numbers of the United States, which marketing messages never reach (reach.ts). */
  readonly unitedStates: 'take' | 'refuse'
}

/** Rows to be stored in one step, with what is to be counted along with them. */
export type Batch = { readonly chunks: readonly Chunk[]; readonly tally: TallyDelta }

/**
 * Turns the text of an upload, in pieces of any size, into batches of recipients. Rows that cannot be taken are counted
 * and told; the others are taken all the same. Holds at most `ORDERED_ROWS` rows beside the batches that are ready.
 *
 * Rows keep the order of the upload, but for those of a full `ORDERED_ROWS`, which stand in the order that their storage
 * takes in fastest.
 */
export class RecipientIntake {
  readonly tally = new Tally()
  readonly #needs: IntakeNeeds
  readonly #names: readonly string[]
  readonly #ignored = new Set<string>()
  readonly #reader: CsvReader | NdjsonReader | JsonArrayReader
  readonly #ready: Batch[] = []
  readonly #values: string[]
  readonly #known: ReadonlySet<string>
  readonly #placeOf: ((person: number) => number) | null
  #header: Header | null = null
  #open: OpenRows

  /** @param placeOf where a number is stored, as something to sort by, below 2^31; `null`: order makes no difference. */
  constructor(format: IntakeFormat, needs: IntakeNeeds, placeOf: ((person: number) => number) | null = null) {
    this.#placeOf = placeOf
    this.#needs = needs
    this.#names = needs.columns
    this.#values = needs.columns.map(() => '')
    this.#known = new Set(['to', 'ref', ...needs.columns])
    this.#open = openRows(this.#names)
    this.#reader = this.#readerOf(format)
  }

  /** @throws UploadRefused, CsvHopeless or NotAnArray when nothing more can be read. */
  push(text: string): void {
    this.#reader.push(text)
  }

  /**
   * The body has ended: what is left forms the last batch.
   *
   * @returns `broke_off` when it ended where no upload ends. The rows before that are good.
   */
  end(): 'complete' | 'broke_off' {
    const end = this.#reader.end()
    if (this.#reader instanceof CsvReader && this.#header === null)
      throw new UploadRefused('empty_body', 'the body is empty: a header row is expected')
    this.#takeRows(false)
    return end
  }

  /** The body broke off: the rows before that form the last batch, and what was read of the next is let go. */
  breakOff(): void {
    this.#takeRows(false)
  }

  /** The next batch that is full, or the last; `null` when there is none yet. */
  takeBatch(): Batch | null {
    return this.#ready.shift() ?? null
  }

  /** Batches that are ready. */
  get ready(): number {
    return this.#ready.length
  }

  /** Columns that nothing uses; at most 100 are named. */
  get ignoredColumns(): string[] {
    return [...this.#ignored]
  }

  #readerOf(format: IntakeFormat): CsvReader | NdjsonReader | JsonArrayReader {
    const bad = (reason: Parameters<Tally['reject']>[1], line: number): void => this.#reject(line, reason, null)
    if (format === 'csv')
      return new CsvReader({ row: (fields, count, line, careful) => this.#row(fields, count, line, careful), bad })
    const listener = {
      record: (record: JsonRecord, line: number): void => this.#record(record, line),
      text: (text: string, line: number): void => this.#record({ to: text }, line),
      bad,
    }
    return format === 'ndjson' ? new NdjsonReader(listener) : new JsonArrayReader(listener)
  }

  #row(fields: readonly string[], count: number, line: number, careful: boolean): void {
    const header = this.#header
    if (header === null) return this.#takeHeader(fields.slice(0, count))
    if (count !== header.fields) return this.#reject(line, 'field_count', null)
    const to = scanPhone(fields[header.to] ?? '')
    if (to <= 0) return this.#reject(line, phoneReason(to), 'to')
    const places = header.columns
    for (let column = 0; column < places.length; column++) {
      if (!this.#keep(column, fields[places[column] ?? 0] ?? '', careful, line)) return
    }
    const ref = header.ref < 0 ? '' : (fields[header.ref] ?? '')
    this.#add(to, ref, line)
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
      if (!this.#keep(column, value, true, line)) return
    }
    const ref = textOf(record, 'ref')
    if (ref === undefined) return this.#reject(line, 'bad_value', 'ref')
    this.#add(to, ref, line)
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

  /** Take a row's value of a column; false when the row was refused for it. */
  #keep(column: number, value: string, careful: boolean, line: number): boolean {
    const text = careful ? readText(value) : trimmed(value)
    const reason =
      typeof text !== 'string'
        ? text.reason
        : text === ''
          ? 'missing_value'
          : text.length > VALUE_CHARS_MAX
            ? 'value_too_long'
            : null
    if (reason !== null) {
      this.#reject(line, reason, this.#names[column] ?? null)
      return false
    }
    this.#values[column] = text as string
    return true
  }

  #add(to: number, rawRef: string, line: number): void {
    const ref = rawRef === '' ? rawRef : readText(rawRef)
    if (typeof ref !== 'string') return this.#reject(line, ref.reason, 'ref')
    if (ref.length > REF_CHARS_MAX) return this.#reject(line, 'ref_too_long', 'ref')
    const warning = reachWarning(to)
    if (warning === 'us_number' && this.#needs.unitedStates === 'refuse')
      return this.#reject(line, 'united_states', 'to')
    if (warning !== null) this.tally.warn(warning)
    this.tally.rows += 1
    const open = this.#open
    if (ref !== '' && open.refs === null) open.refs = open.to.map(() => null)
    open.refs?.push(ref === '' ? null : ref)
    open.to.push(to)
    for (let column = 0; column < this.#values.length; column++) open.columns[column]?.push(this.#values[column] ?? '')
    if (open.to.length === (this.#placeOf === null ? BATCH_ROWS : ORDERED_ROWS)) this.#takeRows(true)
  }

  #reject(line: number, reason: Parameters<Tally['reject']>[1], column: string | null): void {
    if (this.#reader instanceof CsvReader && this.#header === null) {
      throw new UploadRefused('unreadable_header', `the header in line ${line} cannot be read (${reason})`)
    }
    this.tally.rows += 1
    this.tally.reject(line, reason, column)
  }

  /** Make batches of the rows at hand. */
  #takeRows(full: boolean): void {
    const open = this.#open
    this.#open = openRows(this.#names)
    const order = full && this.#placeOf !== null ? placesInOrder(open.to, this.#placeOf) : null
    const batches: Chunk[][] = []
    for (let from = 0; from < open.to.length; from += CHUNK_ROWS) {
      if (from % BATCH_ROWS === 0) batches.push([])
      batches.at(-1)?.push(cutChunk(open, order, from))
    }
    const tally = this.tally.takeDelta()
    const last = batches.pop() ?? []
    if (last.length === 0 && tally.rows === 0) return
    for (const chunks of batches) this.#ready.push({ chunks, tally: NOTHING_TO_COUNT })
    this.#ready.push({ chunks: last, tally })
  }
}

const BATCH_ROWS = BATCH_CHUNKS * CHUNK_ROWS
const NOTHING_TO_COUNT: TallyDelta = { rows: 0, rejected: {}, warnings: {} }

/** Places of rows, sorted by where their people are stored. One sort of plain numbers: it takes 0.1 µs a row. */
function placesInOrder(to: readonly number[], placeOf: (person: number) => number): number[] {
  const keys = new Float64Array(to.length)
  for (let row = 0; row < to.length; row++) keys[row] = placeOf(personKey(to[row] ?? 0)) * ROW_SPACE + row
  return Array.from(keys.sort(), (key) => key % ROW_SPACE)
}

/** A power of two above `ORDERED_ROWS`. */
const ROW_SPACE = 32_768

function cutChunk(open: OpenRows, order: readonly number[] | null, from: number): Chunk {
  const to = Math.min(from + CHUNK_ROWS, open.to.length)
  const rows = order === null ? Array.from({ length: to - from }, (_, index) => from + index) : order.slice(from, to)
  return pickRows(open, rows)
}

type OpenRows = {
  readonly names: readonly string[]
  readonly to: number[]
  refs: (string | null)[] | null
  readonly columns: string[][]
}

function openRows(names: readonly string[]): OpenRows {
  return { names, to: [], refs: null, columns: names.map(() => []) }
}

/** A record's value as text: `''` when it is missing or null, `undefined` when it is no scalar. */
function textOf(record: JsonRecord, name: string): string | undefined {
  if (!Object.hasOwn(record, name)) return ''
  const value = record[name]
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return value === null ? '' : undefined
}

function readText(value: string): string | { readonly reason: TextReason } {
  const clean = cleanText(value)
  return clean.kind === 'text' ? clean.text : clean
}

function trimmed(value: string): string {
  return value.charCodeAt(0) === 0x20 || value.charCodeAt(value.length - 1) === 0x20 ? value.trim() : value
}
