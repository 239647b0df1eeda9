import { setTimeout as sleep } from 'node:timers/promises'

export type Report = {
  readonly status: string
  readonly reason: string | null
  readonly counts: Readonly<Record<string, number>>
}

export type CampaignOptions = {
  readonly sender: string
  readonly onUnknown: 'keep' | 'resend'
  /** ISO; no hand-over after it. */
  readonly sendBy?: string
  readonly priority?: 'low' | 'normal' | 'high'
  readonly schedule?: { readonly startAt: string }
}

/** Told of each piece of an upload that was handed over: its number from 0, and how many there are. */
export type OnPiece = (piece: number, pieces: number) => Promise<void>

/** Through several deaths of the producer, each of them slow to come back on a busy machine. */
const PATIENCE_MS = 300_000
/** Small enough that many pieces lie in each batch the producer takes in. */
const PIECE_ROWS = 250
const TRICKLE_MS = 5
const AGAIN_MS = 200
const CONFLICT = Symbol('409')

/** A stream is made anew for each try. */
type Body = string | (() => AsyncIterable<Uint8Array>) | null

async function* trickle(rows: readonly string[], onPiece: OnPiece): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  yield encoder.encode('to,first_name\n')
  const pieces = Math.ceil(rows.length / PIECE_ROWS)
  for (let piece = 0; piece < pieces; piece++) {
    yield encoder.encode(rows.slice(piece * PIECE_ROWS, (piece + 1) * PIECE_ROWS).join(''))
    await sleep(TRICKLE_MS)
    await onPiece(piece, pieces)
  }
}

/** An upstream system: a client of the producer's API that asks again until it is answered, for every call may be repeated. */
export class Upstream {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  /** A running campaign of these people. */
  async run(key: string, numbers: readonly string[], options: CampaignOptions): Promise<string> {
    const id = await this.prepare(key, numbers, options)
    await this.order(id, 'launch')
    return id
  }

  /** A draft of these people. `key`: the Idempotency-Key. With `onPiece` the people come trickling, and it is told of it. */
  async prepare(key: string, numbers: readonly string[], options: CampaignOptions, onPiece?: OnPiece): Promise<string> {
    const spec = {
      name: key,
      template: {
        name: 'chaos',
        language: 'en',
        components: [{ type: 'body', parameters: [{ type: 'text', text: '{{first_name}}' }] }],
      },
      ...options,
    }
    const { id } = (await this.#call('/v1/campaigns', JSON.stringify(spec), {
      'content-type': 'application/json',
      'idempotency-key': key,
    })) as { id: string }
    const rows = numbers.map((to, index) => `${to},name${index}\n`)
    const csv = onPiece === undefined ? `to,first_name\n${rows.join('')}` : () => trickle(rows, onPiece)
    await this.#call(`/v1/campaigns/${id}/recipients`, csv, { 'content-type': 'text/csv' })
    return id
  }

  /** Resolves with false when the campaign is past it. */
  async order(id: string, order: 'launch' | 'pause' | 'resume' | 'cancel'): Promise<boolean> {
    const answer = await this.#call(`/v1/campaigns/${id}/${order}`, '', {})
    return answer !== CONFLICT
  }

  /** Resolves when the opt-outs are acknowledged. */
  async suppress(numbers: readonly string[]): Promise<void> {
    await this.#call('/v1/suppressions', `to\n${numbers.join('\n')}\n`, { 'content-type': 'text/csv' })
  }

  async report(id: string): Promise<Report> {
    return (await this.#call(`/v1/campaigns/${id}`, null, {})) as Report
  }

  async #call(path: string, body: Body, headers: Readonly<Record<string, string>>): Promise<unknown> {
    const giveUpAt = performance.now() + PATIENCE_MS
    for (;;) {
      const answer = await this.#attempt(path, body, headers)
      if (!('away' in answer)) return answer.json
      if (performance.now() > giveUpAt) throw new Error(`${path}: ${answer.away}`)
      await sleep(AGAIN_MS)
    }
  }

  /** A dead producer and a 503 are worth another try; any other refusal is a defect of the scenario. */
  async #attempt(
    path: string,
    body: Body,
    headers: Readonly<Record<string, string>>,
  ): Promise<{ readonly json: unknown } | { readonly away: string }> {
    const response = await fetch(`${this.#url}${path}`, {
      method: body === null ? 'GET' : 'POST',
      headers,
      ...(body === null || body === '' ? {} : typeof body === 'string' ? { body } : { body: body(), duplex: 'half' }),
      signal: AbortSignal.timeout(20_000),
    }).catch((error: unknown) => error)
    if (!(response instanceof Response)) return { away: reasonOf(response) }
    const text = await response.text().catch(() => null)
    if (text === null || response.status >= 500) return { away: `${response.status} ${text}` }
    if (response.status === 409) return { json: CONFLICT }
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`)
    return { json: text === '' ? null : (JSON.parse(text) as unknown) }
  }
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error
    ? `${error.message}: ${error.cause.message}`
    : String(error)
}
