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

export type SendRequest = {
  readonly phoneNumberId: string
  readonly accessToken: string
  readonly body: string
  /**
   * The last fence: asked when the request is about to be written to its socket. `null` lets it go; a reason keeps every
   * byte of it back, so that nothing was sent for sure.
   */
  readonly fence: () => string | null
}

/** Answers are some hundred bytes; more than this is not one, bytes. */
const ANSWER_MAX_BYTES = 64 * 1024

/**
 * Meta's marketing message endpoint, or what stands in for it. One POST a call and no retry of any kind underneath: a
 * retry here would go behind the ledger's back. HTTP/1.1 without pipelining, for HTTP/2 and pipelining may replay a POST.
 */
export class Endpoint {
  readonly #pool: Pool
  readonly #path: string

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

  send(request: SendRequest): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#pool.dispatch(
        {
          path: `${this.#path}/${request.phoneNumberId}/marketing_messages`,
          method: 'POST',
          headers: ['authorization', `Bearer ${request.accessToken}`, 'content-type', 'application/json'],
          body: request.body,
        },
        new AnswerHandler(request.fence, resolve),
      )
    })
  }

  /** Lets requests that are written end. */
  async close(): Promise<void> {
    if (!this.#pool.destroyed) await this.#pool.close()
  }

  /** Cuts every request off: what was written is `lost`, what was not is `not_sent`. */
  async destroy(): Promise<void> {
    await this.#pool.destroy()
  }
}

/** Turns undici's callbacks of one request into one outcome. */
class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #fence: () => string | null
  readonly #resolve: (outcome: Outcome) => void
  /** From here on bytes may have been written. */
  #started = false
  #heldBack: string | null = null
  #status = 0
  #headers: AnswerHeaders = {}
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(fence: () => string | null, resolve: (outcome: Outcome) => void) {
    this.#fence = fence
    this.#resolve = resolve
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#heldBack = this.#fence()
    if (this.#heldBack !== null) controller.abort(new Error(this.#heldBack))
    else this.#started = true
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    this.#status = status
    this.#headers = headers
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > ANSWER_MAX_BYTES) controller.abort(new Error('the answer is too long'))
    else this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    const [only] = this.#chunks
    const body = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks)
    this.#resolve(readAnswer(this.#status, this.#headers, body.toString('utf8')))
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#heldBack !== null) this.#resolve({ kind: 'held_back', reason: this.#heldBack })
    else this.#resolve({ kind: this.#started ? 'lost' : 'not_sent', reason: errorCode(error) })
  }
}

function errorCode(error: Error): string {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : error.name
}
