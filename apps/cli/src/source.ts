import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'

import { Failure } from './failure.ts'
import type { Io } from './output.ts'

export const FORMATS = ['csv', 'ndjson', 'json'] as const
export type Format = (typeof FORMATS)[number]

const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
  json: 'application/json',
}

const EXTENSIONS: Readonly<Record<string, Format>> = { csv: 'csv', ndjson: 'ndjson', jsonl: 'ndjson', json: 'json' }

/** How a list is written: told by its name, or said by whoever gives it. */
export type ListForm = { readonly format: Format; readonly gzip: boolean }

/** `recipients.csv.gz` -> CSV in gzip; `null` when the name does not tell. */
export function formOf(name: string): ListForm | null {
  const gzip = /\.gz$/i.test(name)
  const extension = /\.([a-z0-9]+)$/i.exec(gzip ? name.slice(0, -3) : name)?.[1]?.toLowerCase()
  const format = extension === undefined ? undefined : EXTENSIONS[extension]
  return format === undefined ? null : { format, gzip }
}

/** A body and the headers that say what it is. */
export type Source = {
  readonly stream: Readable
  readonly headers: Readonly<Record<string, string>>
  /** Bytes; `null` where nobody knows. */
  readonly length: number | null
}

/**
 * A list to be uploaded, from a file or (`-`) from standard input.
 *
 * @throws Failure (usage) when it cannot be read or nobody says how it is written.
 */
export async function openList(path: string, io: Io, said: Partial<ListForm>): Promise<Source> {
  const named = path === '-' ? null : formOf(path)
  const format = said.format ?? named?.format
  if (format === undefined) {
    const what = path === '-' ? 'standard input' : JSON.stringify(path)
    throw new Failure('usage', `${what}: say how it is written, with --format ${FORMATS.join(', ')}`)
  }
  const gzip = said.gzip ?? named?.gzip ?? false
  const headers = { 'content-type': CONTENT_TYPES[format], ...(gzip ? { 'content-encoding': 'gzip' } : {}) }
  if (path === '-') return { stream: Readable.from(io.stdin), headers, length: null }
  const length = await lengthOf(path)
  return { stream: createReadStream(path, { highWaterMark: 256 * 1024 }), headers, length }
}

async function lengthOf(path: string): Promise<number> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new Failure('usage', `${JSON.stringify(path)} cannot be read`, { cause })
  })
  if (!found.isFile()) throw new Failure('usage', `${JSON.stringify(path)} is no file`)
  return found.size
}

/** The same bytes; `onBytes` is told how many have gone by. */
export function counted(stream: Readable, onBytes: (bytes: number) => void): Readable {
  let bytes = 0
  return Readable.from(
    (async function* () {
      for await (const piece of stream as AsyncIterable<Uint8Array>) {
        bytes += piece.length
        onBytes(bytes)
        yield piece
      }
    })(),
  )
}

/** A JSON document from a file or (`-`) from standard input. */
export async function readJson(path: string, io: Io): Promise<unknown> {
  const stream = path === '-' ? io.stdin : createReadStream(path)
  const text = await readText(stream).catch((cause: unknown) => {
    throw new Failure('usage', `${JSON.stringify(path)} cannot be read`, { cause })
  })
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Failure(
      'usage',
      `${path === '-' ? 'standard input' : JSON.stringify(path)} is no JSON: ${String(cause)}`,
      { cause },
    )
  }
}

async function readText(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of stream) text += decoder.decode(piece, { stream: true })
  return text + decoder.decode()
}
