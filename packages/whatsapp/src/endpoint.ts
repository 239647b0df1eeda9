import { Pool } from 'undici'
import type { Dispatcher } from 'undici'
import type { Outcome } from '@chasqui/delivery'

import { readAnswer } from './answer.ts'
import type { AnswerHeaders } from './answer.ts'
import { Fifo } from './fifo.ts'

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
  /**
   * The request's body. Asked once, when a connection is free, and the token is read after it: a message that waits takes
   * next to no memory, and leaves with the token of its time.
   */
  compose(): string
  /**
   * The last fence: asked when the request is about to be written to its socket. `null` lets it go; a reason keeps every
   * byte of it back, so that nothing was sent for sure.
   */
  fence(): string | null
  /** Called exactly once. A promise a message would cost more than understanding its answer does. */
  ended(outcome: Outcome): void
}

/** What is the same for all messages of a number under a token. */
type Target = {
  readonly phoneNumberId: string
  readonly accessToken: string
  readonly path: string
  readonly headers: string[]
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
  /**
   * Messages wait here and not in undici's pool, which makes a resource of Node's async hooks of each that waits there: a
   * tenth of what a message costs.
   */
  readonly #waiting = new Fifo<Posting>()
  /** The pool has a connection to spare, or has to be asked because nothing else would tell. */
  #open = true
  #proceeding = false
  /** Handed to the pool, and not ended. */
  #handed = 0
  #target: Target = { phoneNumberId: '', accessToken: '', path: '', headers: [] }

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
    this.#pool.on('drain', () => {
      this.#open = true
      this.#proceed()
    })
  }

  post(posting: Posting): void {
    this.#waiting.push(posting)
    this.#proceed()
  }

  /** Lets what was posted end. */
  async close(): Promise<void> {
    this.#handOver()
    if (!this.#pool.destroyed) await this.#pool.close()
  }

  /** Cuts every request off: what was written is `lost`, what was not is `not_sent`. */
  async destroy(): Promise<void> {
    const destroyed = this.#pool.destroy()
    this.#handOver()
    await destroyed
  }

  /** What happens within a dispatch only opens: one loop goes on, however many messages end where they begin. */
  #proceed(): void {
    if (this.#proceeding) return
    this.#proceeding = true
    try {
      while (this.#open) {
        const posting = this.#waiting.shift()
        if (posting === undefined) return
        this.#open = false
        if (this.#dispatch(posting)) this.#open = true
      }
    } finally {
      this.#proceeding = false
    }
  }

  /**
   * The pool tells when a connection is free again, but not when it has given one up; nor would it tell anything more once
   * it has nothing left to do. Asked in vain it keeps the message itself.
   */
  readonly #ended = (failed: boolean): void => {
    this.#handed -= 1
    if (!failed && this.#handed > 0) return
    this.#open = true
    this.#proceed()
  }

  /** From here on the pool knows what becomes of them. */
  #handOver(): void {
    for (let posting = this.#waiting.shift(); posting !== undefined; posting = this.#waiting.shift())
      this.#dispatch(posting)
  }

  /** @returns whether there is a connection to spare for another. */
  #dispatch(posting: Posting): boolean {
    const body = posting.compose()
    const { path, headers } = this.#targetOf(posting)
    this.#handed += 1
    return this.#pool.dispatch({ path, method: 'POST', headers, body }, new AnswerHandler(posting, this.#ended))
  }

  #targetOf({ phoneNumberId, accessToken }: Posting): Target {
    if (this.#target.phoneNumberId !== phoneNumberId || this.#target.accessToken !== accessToken)
      this.#target = {
        phoneNumberId,
        accessToken,
        path: `${this.#path}/${phoneNumberId}/marketing_messages`,
        headers: ['authorization', `Bearer ${accessToken}`, 'content-type', 'application/json'],
      }
    return this.#target
  }
}

/** Turns undici's callbacks of one request into one outcome. */
class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #posting: Posting
  readonly #ended: (failed: boolean) => void
  /** From here on bytes may have been written. */
  #started = false
  #heldBack: string | null = null
  #status = 0
  #headers: AnswerHeaders = NO_HEADERS
  /** An answer nearly always comes in one piece. */
  #first: Buffer | null = null
  #more: Buffer[] | null = null
  #bytes = 0

  /** @param ended told after the posting. */
  constructor(posting: Posting, ended: (failed: boolean) => void) {
    this.#posting = posting
    this.#ended = ended
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
    this.#ended(false)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#heldBack !== null) this.#posting.ended({ kind: 'held_back', reason: this.#heldBack })
    else this.#posting.ended({ kind: this.#started ? 'lost' : 'not_sent', reason: errorCode(error) })
    this.#ended(true)
  }
}

function errorCode(error: Error): string {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : error.name
}
