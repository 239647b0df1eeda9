/**
 * Baseline: undici and nothing else. One body made once, posted as fast as 64 connections go by the same undici call as
 * the send-worker's (packages/whatsapp/src/endpoint.ts: Client.dispatch with a handler of five callbacks), answers read to
 * their end and not looked at. What a sender could do if claiming, composing, understanding and settling cost nothing.
 *
 * Own process; argument 1: the endpoint's URL, argument 2: the request body. It posts until its parent lets go.
 */
import { Client, type Dispatcher } from 'undici'
import { ACCESS_TOKEN, CONNECTIONS, MESSAGES_PATH } from '../message.ts'

const [url, body] = process.argv.slice(2)
if (url === undefined || body === undefined) throw new Error('usage: bare-loop.ts <url> <body>')

const TIMEOUT_MS = 30_000
function connect(): Client {
  return new Client(url ?? '', {
    pipelining: 1,
    allowH2: false,
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    keepAliveTimeout: TIMEOUT_MS,
  })
}
const request: Dispatcher.DispatchOptions = {
  method: 'POST',
  path: MESSAGES_PATH,
  headers: ['authorization', `Bearer ${ACCESS_TOKEN}`, 'content-type', 'application/json'],
  body,
}

class AnswerReader implements Dispatcher.DispatchHandler {
  readonly #client: Client
  #status = 0
  #pieces: Buffer[] = []

  constructor(client: Client) {
    this.#client = client
  }

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status
  }

  onResponseData(_controller: Dispatcher.DispatchController, piece: Buffer): void {
    this.#pieces.push(piece)
  }

  onResponseEnd(): void {
    if (this.#status !== 200 || this.#pieces.length === 0) throw new Error(`the endpoint answered ${this.#status}`)
    post(this.#client)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    throw error
  }
}

function post(client: Client): void {
  client.dispatch(request, new AnswerReader(client))
}

for (let connection = 0; connection < CONNECTIONS; connection++) post(connect())
process.on('disconnect', () => process.exit(0))
