import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

import { connectionEnd } from '@chasqui/runtime'
import type { Logger } from '@chasqui/runtime'
import { isStoreFailure } from '@chasqui/store'
import { answerHandshake, authenticate, judgeByHead, unwrap } from '@chasqui/whatsapp'
import type { WebhookSource } from '@chasqui/whatsapp'

import { Bodies } from './bodies.ts'
import type { Inbox } from './inbox.ts'
import type { StatusMetrics } from './metrics.ts'
import { REFUSALS, refusalHeaders } from './refusal.ts'
import type { Refusal } from './refusal.ts'

export type ServerOptions = {
  readonly logger: Logger
  readonly metrics: StatusMetrics
  readonly inbox: Inbox
  readonly verifyToken: string
  /** Path -> who posts there; Meta's handshake is answered at its own. */
  readonly sources: ReadonlyMap<string, WebhookSource>
}

/** Meta sends up to 3 MB a body (webhooks overview); the contract allows 4. */
const BODY_BYTES_MAX = 4 * 1024 * 1024
/** Meta's everyday bodies have some kilobytes; larger ones share a bound, see bodies.ts. */
const SMALL_BODY_BYTES = 64 * 1024
const LARGE_BODIES_BYTES = 64 * 1024 * 1024
/** With {@link SMALL_BODY_BYTES} for each, what strangers can make us hold; Meta and a load balancer need some dozens. */
const CONNECTIONS_MAX = 2_000
/** A body takes milliseconds; who needs longer is stuck, or holds the connection for its own sake. */
const REQUEST_MS = 10_000
/** How often node looks for those; its default of 30 s would leave them three times as long. */
const LOOK_FOR_SLOW_MS = 1_000
const CONNECTION_SILENT_MS = 75_000
/** Requests that are here when the process is told to end are waited for, this long; Redis answers or fails within it. */
const DRAIN_MS = 8_000

const OK_HEADERS = { 'content-length': '0' } as const
/** `application/json`, parameters allowed; JSON is UTF-8 whatever they say. */
const JSON_TYPE = /^application\/json[ \t]*(?:;|$)/i

/**
 * The public port: Meta's handshake and its callbacks, from itself or passed on, nothing else. On bare node:http: with one event
 * a request, routing and wrapping by a framework were a third of what a webhook cost.
 */
export class WebhookServer {
  readonly #options: ServerOptions
  readonly #http: Server
  readonly #endConnections: () => void
  readonly #bodies = new Bodies({
    bodyMax: BODY_BYTES_MAX,
    smallMax: SMALL_BODY_BYTES,
    largeMax: LARGE_BODIES_BYTES,
  })
  #closing = false

  constructor(options: ServerOptions) {
    this.#options = options
    const settings = {
      requestTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
      connectionsCheckingInterval: LOOK_FOR_SLOW_MS,
      keepAliveTimeout: CONNECTION_SILENT_MS,
      noDelay: true,
    }
    this.#http = createServer(settings, (request, response) => this.#onRequest(request, response))
    this.#endConnections = connectionEnd(this.#http, DRAIN_MS)
    this.#http.maxConnections = CONNECTIONS_MAX
    this.#http.setTimeout(CONNECTION_SILENT_MS)
    this.#http.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => this.#onClientError(error, socket))
  }

  /** @returns the port. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', reject)
      this.#http.listen({ host, port }, () => {
        this.#http.off('error', reject)
        resolve()
      })
    })
    return (this.#http.address() as AddressInfo).port
  }

  /** Let no request in any more, answer those that are here, and end. */
  async close(): Promise<void> {
    this.#closing = true
    this.#endConnections()
    await new Promise<void>((resolve) => this.#http.close(() => resolve()))
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '' } = request
    const [path, query] = splitOnce(url, '?')
    const source = this.#options.sources.get(path)
    if (this.#closing) this.#refuse(request, response, 'closing')
    else if (source === undefined) this.#refuse(request, response, 'not_found')
    else if (method === 'POST') this.#onWebhook(request, response, source)
    else if (method === 'GET' && source.provider === 'meta') this.#onHandshake(request, response, query)
    else this.#refuse(request, response, 'method')
  }

  #onHandshake(request: IncomingMessage, response: ServerResponse, query: string): void {
    const answer = answerHandshake(readQuery(query), this.#options.verifyToken)
    if (answer.kind === 'refused') {
      this.#options.logger.warn({ reason: answer.reason }, 'handshake refused')
      this.#refuse(request, response, 'handshake')
      return
    }
    const headers = { 'content-type': 'text/plain; charset=utf-8', 'content-length': answer.challenge.length }
    response.writeHead(200, headers).end(answer.challenge)
  }

  #onWebhook(request: IncomingMessage, response: ServerResponse, source: WebhookSource): void {
    const startedAt = performance.now()
    const { headers } = request
    const answer = (refusal: Refusal | null): void => {
      if (refusal === null) response.writeHead(200, OK_HEADERS).end()
      else this.#refuse(request, response, refusal)
      this.#options.metrics.observeRequest(response.statusCode, (performance.now() - startedAt) / 1_000)
    }
    // Before a byte of the body is read: what cannot be genuine is not worth 4 MB.
    const refusal = refusalByHead(source, headers)
    if (refusal !== null) {
      answer(refusal)
      return
    }
    this.#bodies.read(request, headers['content-length'], (unread, body) => {
      if (unread !== null || body === undefined) answer(unread ?? 'broken_off')
      // The signature is over the bytes as they came; nothing is parsed before it is checked.
      else if (authenticate(source, headers, body) !== 'genuine') answer('wrong_signature')
      else
        this.#options.inbox.take(unwrap(source, body)).then(
          (taken) => answer(taken === 'stored' ? null : taken),
          (error: unknown) => answer(this.#unstored(error)),
        )
    })
  }

  #unstored(error: unknown): Refusal {
    if (!isStoreFailure(error)) this.#options.logger.error({ err: error }, 'webhook request failed')
    return 'store_unavailable'
  }

  #refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
    this.#options.metrics.refused.inc({ reason: refusal })
    const text = `{"code":"${refusal}"}`
    response.writeHead(REFUSALS[refusal], {
      ...refusalHeaders(refusal),
      'content-type': 'application/json; charset=utf-8',
      'content-length': text.length,
      // A short rest is read by node and thrown away; a long one is not worth it, nor is a connection that is to end.
      ...(this.#closing || !isShort(request) ? { connection: 'close' } : {}),
    })
    response.end(text)
  }

  /** What is no HTTP, or does not come to its end: the connection is told why, as far as it listens, and cut. */
  #onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
    const [status, reason] = CLIENT_ERRORS[error.code ?? ''] ?? ['400 Bad Request', 'no_http']
    if (error.code !== 'ECONNRESET') this.#options.metrics.refused.inc({ reason })
    if (socket.writable && error.code !== 'ECONNRESET')
      socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    socket.destroy(error)
  }
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [status: string, reason: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'too_slow'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'no_http'],
}

function refusalByHead(source: WebhookSource, headers: IncomingMessage['headers']): Refusal | null {
  if (headers['content-encoding'] !== undefined) return 'encoded'
  const verdict = judgeByHead(source, headers)
  if (verdict === 'missing' || verdict === 'malformed') return 'unsigned'
  if (verdict === 'wrong') return 'wrong_signature'
  const type = headers['content-type'] ?? ''
  return type === 'application/json' || JSON_TYPE.test(type) ? null : 'not_json'
}

/** Whether what is still to come of a request is worth reading, so that its connection can be used again. */
function isShort({ complete, headers }: IncomingMessage): boolean {
  if (complete || (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined)) return true
  return Number(headers['content-length'] ?? Infinity) <= SMALL_BODY_BYTES
}

function splitOnce(text: string, at: string): [before: string, after: string] {
  const place = text.indexOf(at)
  return place === -1 ? [text, ''] : [text.slice(0, place), text.slice(place + 1)]
}

/** A name that comes twice has a list of values, which is no valid answer to any question. */
function readQuery(query: string): Readonly<Record<string, unknown>> {
  const read = new Map<string, unknown>()
  for (const [name, value] of new URLSearchParams(query)) read.set(name, read.has(name) ? [] : value)
  return Object.fromEntries(read)
}
