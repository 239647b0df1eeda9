import { answerHandshake, signatureForm, verifySignature } from '@chasqui/whatsapp'
import type { AppSecrets } from '@chasqui/whatsapp'
import { isStoreFailure } from '@chasqui/store'
import type { Logger } from '@chasqui/runtime'
import { fastify } from 'fastify'
import type { FastifyError, FastifyInstance } from 'fastify'

import { Bodies } from './bodies.ts'
import type { Inbox } from './inbox.ts'
import type { StatusMetrics } from './metrics.ts'

export type ServerOptions = {
  readonly logger: Logger
  readonly metrics: StatusMetrics
  readonly inbox: Inbox
  readonly verifyToken: string
  readonly secrets: AppSecrets
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
/** When Meta may come again, s; it retries on its own schedule anyway. */
const RETRY_AFTER_S = '5'

const PATH = '/webhooks/whatsapp'

/** Why a request is not taken in, and what it is told. */
const REFUSALS = {
  unsigned: 401,
  wrong_signature: 401,
  handshake: 403,
  broken_off: 400,
  too_large: 413,
  encoded: 415,
  not_json: 415,
  too_busy: 503,
  store_unavailable: 503,
} as const satisfies Readonly<Record<string, number>>

type Refusal = keyof typeof REFUSALS

class Refused extends Error {
  readonly refusal: Refusal
  /** The body was not read to its end: nothing more can be asked over this connection. */
  readonly unread: boolean

  constructor(refusal: Refusal, unread = false) {
    super(refusal)
    this.refusal = refusal
    this.unread = unread
  }
}

/** The public port: Meta's handshake and its callbacks, nothing else. */
export function buildServer({ logger, metrics, inbox, verifyToken, secrets }: ServerOptions): FastifyInstance {
  const app = fastify({
    loggerInstance: logger,
    disableRequestLogging: true,
    requestTimeout: REQUEST_MS,
    connectionTimeout: CONNECTION_SILENT_MS,
    keepAliveTimeout: CONNECTION_SILENT_MS,
    http: { headersTimeout: REQUEST_MS, connectionsCheckingInterval: LOOK_FOR_SLOW_MS },
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  }) as unknown as FastifyInstance

  // The signature is over the bytes as they came; nothing is parsed before it is checked.
  app.removeAllContentTypeParsers()
  const bodies = new Bodies({ bodyMax: BODY_BYTES_MAX, smallMax: SMALL_BODY_BYTES, largeMax: LARGE_BODIES_BYTES })
  app.addContentTypeParser('application/json', (request, payload, done) => {
    bodies.read(payload, request.headers['content-length'], (refusal, body) =>
      done(refusal === null ? null : new Refused(refusal, true), body),
    )
  })
  app.server.maxConnections = CONNECTIONS_MAX

  app.addHook('onResponse', async (request, reply) => {
    if (request.method === 'POST')
      metrics.requests.observe({ status: String(reply.statusCode) }, reply.elapsedTime / 1_000)
  })

  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const refusal = refusalOf(error)
    if (refusal === null) {
      logger.error({ err: error }, 'webhook request failed')
      return reply
        .code(error.statusCode !== undefined && error.statusCode < 500 ? error.statusCode : 500)
        .send({ code: 'error' })
    }
    metrics.refused.inc({ reason: refusal })
    const status = REFUSALS[refusal]
    if (status === 503) reply.header('retry-after', RETRY_AFTER_S)
    if (error instanceof Refused && error.unread) reply.header('connection', 'close')
    return reply.code(status).send({ code: refusal })
  })

  app.get(PATH, async (request, reply) => {
    const answer = answerHandshake(request.query as Readonly<Record<string, unknown>>, verifyToken)
    if (answer.kind === 'refused') {
      logger.warn({ reason: answer.reason }, 'handshake refused')
      throw new Refused('handshake')
    }
    return reply.type('text/plain').send(answer.challenge)
  })

  app.post(
    PATH,
    {
      // Before a byte of the body is read: what cannot be genuine is not worth 4 MB.
      onRequest: async (request) => {
        if (request.headers['content-encoding'] !== undefined) throw new Refused('encoded')
        if (signatureForm(request.headers['x-hub-signature-256']) !== 'present') throw new Refused('unsigned')
      },
    },
    async (request, reply) => {
      if (!Buffer.isBuffer(request.body)) throw new Refused('not_json')
      if (verifySignature(request.body, request.headers['x-hub-signature-256'], secrets) !== 'genuine')
        throw new Refused('wrong_signature')
      if ((await inbox.take(request.body)) === 'too_busy') throw new Refused('too_busy')
      return reply.code(200).send()
    },
  )
  return app
}

/**
 * Let no request in any more, answer those that are here, and end. A connection that is kept alive falls idle only after its
 * last answer, and one that never asks anything is no idle one to node: neither may hold up the process' end.
 */
export async function closeServer(app: FastifyInstance): Promise<void> {
  const idle = setInterval(() => app.server.closeIdleConnections(), 50)
  const all = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS)
  try {
    await app.close()
  } finally {
    clearInterval(idle)
    clearTimeout(all)
  }
}

function refusalOf(error: FastifyError): Refusal | null {
  if (error instanceof Refused) return error.refusal
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return 'not_json'
  return isStoreFailure(error) ? 'store_unavailable' : null
}
