/** Recipients of one chunk: its ordinals are `chunk * CHUNK_ROWS + row`. */
export const CHUNK_ROWS = 500

/**
 * A chunk's recipients, column by column: the same names once, and like beside like, which compresses better than rows.
 * Every array has one entry a row.
 */
export type Chunk = {
  /** The columns that placeholders use, in the order of `columns`. */
  readonly names: readonly string[]
  /** E.164 without '+'. */
  readonly to: readonly number[]
  /** The caller's own ids; `null` when no row has one. */
  readonly refs: readonly (string | null)[] | null
  readonly columns: readonly (readonly string[])[]
}

/** A chunk as it is stored, but for compression. */
export type PackedChunk = {
  /** Its numbers, for those who need no more of it. */
  readonly to: readonly number[] | Float64Array
  /** The text that `unpackChunk` reads; bytes are UTF-8. */
  readonly json: string | Uint8Array
}

export function packChunk(chunk: Chunk): PackedChunk & { readonly json: string } {
  return { to: chunk.to, json: JSON.stringify(chunk) }
}

/** The reverse of `packChunk`, from its text. The text is our own: a text that is not a chunk throws. */
export function unpackChunk(text: string): Chunk {
  const usual = unpackUsual(text)
  if (usual !== null) return usual
  const chunk: unknown = JSON.parse(text)
  if (!isChunk(chunk)) throw new TypeError('not a packed chunk')
  return chunk
}

const HEAD = '{"names":['
const TO = ',"to":['
const COLUMNS = '],"refs":null,"columns":[["'
const TAIL = '"]]}'

/**
 * Nearly all chunks have columns, no references and nothing that JSON escapes. Then a quotation mark is never part of a value,
 * and the values need only be cut apart, in a third of the time of a parser that looks at each character and looks each
 * value up among those it knows.
 *
 * @returns `null` for any other text.
 */
function unpackUsual(text: string): Chunk | null {
  if (!text.startsWith(HEAD) || !text.endsWith(TAIL) || text.includes('\\')) return null
  const to = text.indexOf(TO)
  const columns = text.indexOf(COLUMNS, to)
  if (to < 0 || columns < 0) return null
  const chunk = {
    names: JSON.parse(text.slice(HEAD.length - 1, to)) as string[],
    to: JSON.parse(text.slice(to + TO.length - 1, columns + 1)) as number[],
    refs: null,
    columns: text
      .slice(columns + COLUMNS.length, -TAIL.length)
      .split('"],["')
      .map((column) => column.split('","')),
  }
  const isWhole = chunk.columns.every((column) => column.length === chunk.to.length)
  return isWhole && chunk.columns.length === chunk.names.length ? chunk : null
}

/** Two chunks with the same columns as one. */
export function joinChunks(first: Chunk, second: Chunk): Chunk {
  return {
    names: first.names,
    to: [...first.to, ...second.to],
    refs: first.refs === null && second.refs === null ? null : [...refsOf(first), ...refsOf(second)],
    columns: first.columns.map((column, index) => [...column, ...(second.columns[index] ?? [])]),
  }
}

/** The rows of a chunk at these places, in this order. */
export function pickRows(chunk: Chunk, rows: readonly number[]): Chunk {
  return {
    names: chunk.names,
    to: pick(chunk.to, rows),
    refs: chunk.refs === null ? null : pick(chunk.refs, rows),
    columns: chunk.columns.map((column) => pick(column, rows)),
  }
}

function pick<T>(values: readonly T[], rows: readonly number[]): T[] {
  return rows.map((row) => values[row] as T)
}

function refsOf(chunk: Chunk): readonly (string | null)[] {
  return chunk.refs ?? chunk.to.map(() => null)
}

function isChunk(value: unknown): value is Chunk {
  return (
    typeof value === 'object' &&
    value !== null &&
    'to' in value &&
    Array.isArray(value.to) &&
    'names' in value &&
    'refs' in value &&
    'columns' in value
  )
}
