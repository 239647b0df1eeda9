import { Pool } from 'undici'
import type { Dispatcher } from 'undici'
import type { Outcome } from '@chasqui/delivery'

import { readAnswer } from './answer.ts'
import type { AnswerHeaders } from './answer.ts'

export type EndpointOptions = {
  /** `https://graph.facebook.com/v25.0`, or a simulator's. */
  readonly baseUrl: string
  /** Connections, and so requests in flight, at most. */
  readonly connections: number
  /** Without an answer after this long the message may have been sent and is `lost`, ms. */
  readonly requestTimeoutMs: number
}

/** One message on its way, and who is told of it. */
export type Posting = {
  readonly phoneNumberId: string
  readonly accessToken: string
  readonly body: string
  /**
   * The last fence: asked when the request is about to be written to its socket. `null` lets it go; a reason keeps every
   * byte of it back, so that nothing was sent for sure.
   */
  fence(): string | null
  /** Called exactly once. A promise a message would cost more than understanding its answer does. */
  ended(outcome: Outcome): void
}

const NO_HEADERS: AnswerHeaders = {}
/** Answers are some hundred bytes; more than this is not one, bytes. */
const ANSWER_MAX_BYTES = 64 * 1024

/**
 * Meta's marketing message endpoint, or what stands in for it. One POST a call and no retry of any kind underneath: a
 * retry here would go behind the ledger's back. HTTP/1.1 without pipelining, for HTTP/2 and pipelining may replay a POST.
 */
export class Endpoint {
  readonly #pool: Pool
  readonly #path: string
  #headers: readonly [token: string, headers: string[]] = ['', []]

  constructor(options: EndpointOptions) {
    const url = new URL(options.baseUrl)
    this.#path = url.pathname.replace(/\/+$/, '')
    this.#pool = new Pool(url.origin, {
      connections: options.connections,
      pipelining: 1,
      allowH2: false,
      connect: { timeout: 5_000 },
      headersTimeout: options.requestTimeoutMs,
      bodyTimeout: options.requestTimeoutMs,
      keepAliveTimeout: 30_000,
    })
  }

  post(posting: Posting): void {
    this.#pool.dispatch(
      {
        path: `${this.#path}/${posting.phoneNumberId}/marketing_messages`,
        method: 'POST',
        headers: this.#headersFor(posting.accessToken),
        body: posting.body,
      },
      new AnswerHandler(posting),
    )
  }

  /** Lets requests that are written end. */
  async close(): Promise<void> {
    if (!this.#pool.destroyed) await this.#pool.close()
  }

  /** Cuts every request off: what was written is `lost`, what was not is `not_sent`. */
  async destroy(): Promise<void> {
    await this.#pool.destroy()
  }

  /** One array for all messages under a token. */
  #headersFor(token: string): string[] {
    if (this.#headers[0] !== token)
      this.#headers = [token, ['authorization', `Bearer ${token}`, 'content-type', 'application/json']]
    return this.#headers[1]
  }
}

/** Turns undici's callbacks of one request into one outcome. */
class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #posting: Posting
  /** From here on bytes may have been written. */
  #started = false
  #heldBack: string | null = null
  #status = 0
  #headers: AnswerHeaders = NO_HEADERS
  /** An answer nearly always comes in one piece. */
  #first: Buffer | null = null
  #more: Buffer[] | null = null
  #bytes = 0

  constructor(posting: Posting) {
    this.#posting = posting
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#heldBack = this.#posting.fence()
    if (this.#heldBack !== null) controller.abort(new Error(this.#heldBack))
    else this.#started = true
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    this.#status = status
    this.#headers = headers
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    this.#bytes += piece.length
    if (this.#bytes > ANSWER_MAX_BYTES) controller.abort(new Error('the answer is too long'))
    else if (this.#first === null) this.#first = piece
    else (this.#more ??= [this.#first]).push(piece)
  }

  onResponseEnd(): void {
    const body = this.#more === null ? this.#first : Buffer.concat(this.#more)
    this.#posting.ended(readAnswer(this.#status, this.#headers, body === null ? '' : body.toString('utf8')))
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#heldBack !== null) this.#posting.ended({ kind: 'held_back', reason: this.#heldBack })
    else this.#posting.ended({ kind: this.#started ? 'lost' : 'not_sent', reason: errorCode(error) })
  }
}

function errorCode(error: Error): string {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : error.name
}
