import { buildConnector, Client } from 'undici'
import type { Dispatcher } from 'undici'
import type { Outcome } from '@chasqui/delivery'

import { readAnswer } from './answer.ts'
import type { AnswerHeaders } from './answer.ts'
import { Connections } from './connections.ts'
import type { Connection } from './connections.ts'
import { Fifo } from './fifo.ts'

export type EndpointOptions = {
  /** `https://graph.facebook.com/v25.0`, or a simulator's. */
  readonly baseUrl: string
  /** Connections, and so requests in flight, at most; opened as they are needed, see `Connections`. */
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
   * Asked before `compose`: a reason ends it here, for it could not leave any more. The last fence would say so, too, but
   * undici closes the connection of a request that is kept back there, though no byte of it was written; and whoever is
   * late opens a new one for each late message, and gets later.
   */
  hopeless(): string | null
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
/** Kept back because this process ends its work: that says nothing of the endpoint. */
const CLOSED: Outcome = { kind: 'held_back', reason: 'endpoint_closed' }
/** What undici says to a request of a connection that we ended. */
const ENDED_BY_US: ReadonlySet<string> = new Set(['UND_ERR_DESTROYED', 'UND_ERR_CLOSED'])
/** Answers are some hundred bytes; more than this is not one, bytes. */
const ANSWER_MAX_BYTES = 64 * 1024

/**
 * Meta's marketing message endpoint, or what stands in for it. One POST a call and no retry of any kind underneath: a
 * retry here would go behind the ledger's back. HTTP/1.1 without pipelining, for HTTP/2 and pipelining may replay a POST.
 */
export class Endpoint {
  readonly #path: string
  readonly #connections: Connections<Client>
  /** Messages wait here: undici makes a resource of Node's async hooks of each that waits there, a tenth of what a message costs. */
  readonly #waiting = new Fifo<Posting>()
  #proceeding = false
  #underWay = 0
  #closed = false
  readonly #quiet: Array<() => void> = []
  #target: Target = { phoneNumberId: '', accessToken: '', path: '', headers: [] }

  constructor(options: EndpointOptions) {
    const { origin, pathname } = new URL(options.baseUrl)
    this.#path = pathname.replace(/\/+$/, '')
    // One for all, so that they share their TLS sessions.
    const connect = buildConnector({ timeout: 5_000, allowH2: false })
    this.#connections = new Connections(options.connections, (closed) =>
      new Client(origin, {
        connect,
        pipelining: 1,
        allowH2: false,
        headersTimeout: options.requestTimeoutMs,
        bodyTimeout: options.requestTimeoutMs,
        keepAliveTimeout: 30_000,
      }).on('disconnect', closed),
    )
  }

  post(posting: Posting): void {
    if (this.#closed) return posting.ended(CLOSED)
    this.#waiting.push(posting)
    this.#proceed()
  }

  /** Lets what was posted end. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#underWay > 0 || !this.#waiting.isEmpty) await new Promise<void>((resolve) => this.#quiet.push(resolve))
    await this.destroy()
  }

  /** Cuts every request off: what was written is `lost`, what was not is `held_back`. */
  async destroy(): Promise<void> {
    this.#closed = true
    for (let posting = this.#waiting.shift(); posting !== undefined; posting = this.#waiting.shift())
      posting.ended(CLOSED)
    await Promise.all(this.#connections.all.map(async ({ client }) => await client.destroy()))
  }

  /** One loop goes on, however many messages end where they begin. */
  #proceed(): void {
    if (this.#proceeding) return
    this.#proceeding = true
    try {
      while (!this.#waiting.isEmpty) {
        const connection = this.#connections.take()
        if (connection === null) return
        const posting = this.#nextHopeful()
        if (posting === null) this.#connections.putBack(connection)
        else this.#dispatch(posting, connection)
      }
    } finally {
      this.#proceeding = false
    }
  }

  #nextHopeful(): Posting | null {
    for (let posting = this.#waiting.shift(); posting !== undefined; posting = this.#waiting.shift()) {
      const reason = posting.hopeless()
      if (reason === null) return posting
      posting.ended({ kind: 'held_back', reason })
    }
    return null
  }

  #dispatch(posting: Posting, connection: Connection<Client>): void {
    const body = posting.compose()
    const { path, headers } = this.#targetOf(posting)
    this.#underWay += 1
    const handler = new AnswerHandler(posting, connection, this.#ended)
    connection.client.dispatch({ path, method: 'POST', headers, body }, handler)
  }

  readonly #ended = (connection: Connection<Client>, answered: boolean): void => {
    if (answered) this.#goOn(connection, true)
    // undici is in the middle of clearing the connection, and takes nothing for it now.
    else queueMicrotask(() => this.#goOn(connection, false))
  }

  #goOn(connection: Connection<Client>, answered: boolean): void {
    this.#underWay -= 1
    this.#connections.giveBack(connection, answered)
    this.#proceed()
    if (this.#underWay === 0 && this.#waiting.isEmpty) for (const resolve of this.#quiet.splice(0)) resolve()
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
  readonly #connection: Connection<Client>
  readonly #ended: (connection: Connection<Client>, answered: boolean) => void
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
  constructor(
    posting: Posting,
    connection: Connection<Client>,
    ended: (connection: Connection<Client>, answered: boolean) => void,
  ) {
    this.#posting = posting
    this.#connection = connection
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
    this.#ended(this.#connection, true)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#posting.ended(this.#failed(errorCode(error)))
    this.#ended(this.#connection, false)
  }

  #failed(reason: string): Outcome {
    if (this.#heldBack !== null) return { kind: 'held_back', reason: this.#heldBack }
    if (this.#started) return { kind: 'lost', reason }
    return ENDED_BY_US.has(reason) ? CLOSED : { kind: 'not_sent', reason }
  }
}

function errorCode(error: Error): string {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : error.name
}
