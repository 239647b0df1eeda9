import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

import { CsvHopeless, describeRejection, NotAnArray, UploadRefused } from '@chasqui/campaign'
import type { Batch, IntakeFormat, RecipientIntake } from '@chasqui/campaign'
import type { AppendReply } from '@chasqui/store'
import { isStoreFailure } from '@chasqui/store'

import { Problem } from './problem.ts'

/** Batches on their way to Redis while the next are read: enough that neither waits for the other. */
const BATCHES_AHEAD = 4

/**
 * Batches ready to be sent while those ahead of them are stored; with more than that the body waits. As many as become
 * ready at once of a long list: reading goes on meanwhile, so that neither it nor Redis stands still.
 */
const BATCHES_READY = 64

/** Bytes are gathered up to this before they are looked at: a body that trickles must not cost a look each byte. */
const PIECE_BYTES = 65_536

/** How a body is written. */
export type BodyForm = { readonly format: IntakeFormat; readonly gzip: boolean; readonly charset: string }

const FORMATS: Readonly<Record<string, IntakeFormat>> = {
  'text/csv': 'csv',
  'application/x-ndjson': 'ndjson',
  'application/json': 'json',
}

export const UPLOAD_TYPES = Object.keys(FORMATS)

/** @throws Problem when the headers name a form that is not understood. */
export function bodyForm(contentType: string | undefined, contentEncoding: string | undefined): BodyForm {
  const [essence = '', ...parameters] = (contentType ?? '').split(';').map((part) => part.trim())
  const format = FORMATS[essence.toLowerCase()]
  if (format === undefined) {
    throw new Problem(
      'unsupported_media_type',
      `the body is ${JSON.stringify(essence)}; text/csv, application/x-ndjson and application/json are understood`,
    )
  }
  const encoding = (contentEncoding ?? 'identity').trim().toLowerCase()
  if (encoding !== 'identity' && encoding !== 'gzip')
    throw new Problem('unsupported_encoding', `the body is encoded as ${JSON.stringify(encoding)}; gzip is understood`)
  const charset =
    parameters.map((parameter) => /^charset="?([^"]+)"?$/i.exec(parameter)?.[1]).find((name) => name !== undefined) ??
    'utf-8'
  if (!isCharset(charset))
    throw new Problem('unsupported_media_type', `the charset ${JSON.stringify(charset)} is not known`)
  return { format, gzip: encoding === 'gzip', charset }
}

/** Bytes of a body that says how long it is and is not compressed. */
export function bytesTold(contentLength: string | undefined, form: BodyForm): number | null {
  return contentLength === undefined || form.gzip ? null : Number(contentLength)
}

/** What became of an upload's rows so far. */
export type UploadResult = { accepted: number; duplicates: number }

export type UploadRequest = {
  readonly source: Readable
  readonly form: BodyForm
  readonly intake: RecipientIntake
  /** Answers when a batch is stored: how many of its rows were new. */
  readonly store: (batch: Batch) => Promise<AppendReply>
  /** Told before the first full batch is stored about how many rows there will be, where the body says how long it is. */
  readonly forecast?: { readonly bytes: number; readonly expect: (rows: number) => void } | undefined
  /** Aborts when the process stops: the upload ends between two pieces, with an answer. */
  readonly stop: AbortSignal
}

/**
 * Read a body to its end, storing batches as they fill, a few ahead of Redis' answers. Memory stays what those batches
 * take, whatever the length: while they wait, the body is not read.
 *
 * @throws Problem with the counts so far when the body cannot be read, the campaign takes no more, or Redis is away.
 *   What was stored stays; sending the same body again adds what is missing.
 */
export async function takeUpload(request: UploadRequest): Promise<UploadResult> {
  const { source, form, intake, store, stop } = request
  const upload = new Upload(intake, store)
  let read = 0
  let { forecast } = request
  try {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    const decode = (part: Uint8Array): string => decoder.decode(part, { stream: true })
    for await (const piece of piecesOf(source, form, (bytes) => void (read += bytes))) {
      intake.pushBytes(piece, decode)
      if (forecast !== undefined && intake.ready > 0) {
        forecast.expect((intake.tally.rows * forecast.bytes) / read)
        forecast = undefined
      }
      await upload.store(BATCHES_READY)
      if (stop.aborted) throw new Problem('stopping', 'this process is ending; send the same body again')
    }
    intake.push(decoder.decode())
    const end = intake.end()
    await upload.store(0)
    await upload.settle()
    if (end === 'broke_off')
      throw new Problem('body_broke_off', 'the body ends in the middle of a row; what came before it is stored')
    return upload.result
  } catch (error) {
    // The rows before it are whole. Where it is the store that failed, this ends at once.
    intake.breakOff()
    await upload.store(0).catch(() => {})
    await upload.settle().catch(() => {})
    throw withCounts(problemOf(error), intake, upload.result)
  }
}

/** What upstream is told of an upload that went through. */
export function uploadView(intake: RecipientIntake, result: UploadResult) {
  const { tally } = intake
  return {
    rows: tally.rows,
    accepted: result.accepted,
    duplicates: result.duplicates,
    rejected: Object.values(tally.rejected).reduce((sum, count) => sum + count, 0),
    reasons: tally.rejected,
    warnings: tally.warnings,
    ignoredColumns: intake.ignoredColumns,
    rejections: tally.rejections.map((rejection) => ({ ...rejection, message: describeRejection(rejection) })),
  }
}

class Upload {
  readonly result: UploadResult = { accepted: 0, duplicates: 0 }
  readonly #intake: RecipientIntake
  readonly #store: (batch: Batch) => Promise<AppendReply>
  readonly #onTheWay = new Set<Promise<void>>()
  #failure: Error | null = null

  constructor(intake: RecipientIntake, store: (batch: Batch) => Promise<AppendReply>) {
    this.#intake = intake
    this.#store = store
  }

  /** Send full batches, a few at a time; resolves when not more than `waiting` of them wait. Throws when an earlier one failed. */
  async store(waiting: number): Promise<void> {
    for (;;) {
      this.#throwFailure()
      while (this.#onTheWay.size < BATCHES_AHEAD) {
        const batch = this.#intake.takeBatch()
        if (batch === null) break
        this.#send(batch)
      }
      if (this.#intake.ready <= waiting) return
      await Promise.race(this.#onTheWay)
    }
  }

  /** Wait for what is on its way. */
  async settle(): Promise<void> {
    await Promise.all(this.#onTheWay)
    this.#throwFailure()
  }

  #send(batch: Batch): void {
    const sent = this.#store(batch).then(
      (reply) => this.#take(reply),
      (error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error('a batch was not stored', { cause: error })
      },
    )
    const done = sent.finally(() => this.#onTheWay.delete(done))
    this.#onTheWay.add(done)
  }

  #take(reply: AppendReply): void {
    if (reply.kind === 'stored') {
      this.result.accepted += reply.added
      this.result.duplicates += reply.duplicates
    } else {
      this.#failure ??=
        reply.kind === 'missing' ? new Problem('campaign_not_found', 'the campaign is gone') : notOpen(reply.status)
    }
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure
  }
}

export function notOpen(status: string): Problem {
  return new Problem(
    'campaign_not_open',
    `the campaign is ${status}; recipients can be added to a draft or scheduled one`,
    { campaignStatus: status },
  )
}

/** The body in pieces of some size, as UTF-8. `onBytes`: how many bytes of the body each was. */
async function* piecesOf(source: Readable, form: BodyForm, onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  const inUtf8 = toUtf8(form.charset)
  let pieces: Buffer[] = []
  let bytes = 0
  // The connection outlives a body that is given up half-way: the answer still has to go out on it.
  const stream = (form.gzip ? unzipped(source) : source).iterator({ destroyOnReturn: false })
  for await (const piece of stream) {
    pieces.push(piece as Buffer)
    bytes += (piece as Buffer).length
    if (bytes < PIECE_BYTES) continue
    onBytes(bytes)
    yield inUtf8(joined(pieces), true)
    pieces = []
    bytes = 0
  }
  yield inUtf8(joined(pieces), false)
}

function joined(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces
  return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces)
}

/** Pieces of a text of some charset, one after the other, in UTF-8; `more`: another one follows. */
function toUtf8(charset: string): (piece: Buffer, more: boolean) => Buffer {
  const decoder = new TextDecoder(charset, { ignoreBOM: true })
  if (decoder.encoding === 'utf-8') return (piece) => piece
  return (piece, more) => Buffer.from(decoder.decode(piece, { stream: more }))
}

function unzipped(source: Readable): Readable {
  const gunzip = createGunzip()
  // `pipe` does not pass errors on: a body that breaks off must end the reading, not leave it waiting.
  source.once('error', (error) => gunzip.destroy(error))
  return source.pipe(gunzip)
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof UploadRefused)
    return new Problem(error.code, error.message, { columns: error.columns }, { cause: error })
  if (error instanceof CsvHopeless)
    return new Problem('unreadable_body', error.message, { line: error.line }, { cause: error })
  if (error instanceof NotAnArray)
    return new Problem('not_an_array', error.message, { line: error.line }, { cause: error })
  if (isStoreFailure(error))
    return new Problem(
      'store_unavailable',
      'Redis cannot be reached or refuses writes; send the same body again later',
      {},
      { cause: error },
    )
  if (isNoGzip(error))
    return new Problem(
      'unreadable_body',
      'the body is said to be gzip, and is not or is damaged; what came before is stored',
      {},
      { cause: error },
    )
  if (isBrokenBody(error))
    return new Problem('body_broke_off', 'the body broke off; what came before is stored', {}, { cause: error })
  return new Problem('internal_error', 'the upload failed', {}, { cause: error })
}

function withCounts(problem: Problem, intake: RecipientIntake, result: UploadResult): Problem {
  return new Problem(
    problem.code,
    problem.message,
    { ...problem.more, ...uploadView(intake, result) },
    { cause: problem.cause },
  )
}

function isNoGzip(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'Z_DATA_ERROR'
}

/** A gzip stream that ends early, or a connection that closed before the body's end. */
function isBrokenBody(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  return (
    code.startsWith('Z_') ||
    code === 'ECONNRESET' ||
    code === 'ERR_STREAM_PREMATURE_CLOSE' ||
    error.message === 'aborted'
  )
}

function isCharset(label: string): boolean {
  try {
    return new TextDecoder(label).encoding.length > 0
  } catch {
    return false
  }
}
