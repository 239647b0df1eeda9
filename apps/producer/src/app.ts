import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { problemsOf } from '@chasqui/campaign'
import { connectionEnd } from '@chasqui/runtime'
import { isStoreFailure } from '@chasqui/store'
import { fastify, LogController } from 'fastify'
import type { FastifyError, FastifyInstance, FastifySchemaCompiler } from 'fastify'
import { jsonSchemaTransform } from 'fastify-type-provider-zod'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { z } from 'zod'

import { requireKey } from './auth.ts'
import { readBodies } from './body.ts'
import type { Context } from './context.ts'
import { Problem } from './problem.ts'
import { campaignRoutes } from './routes/campaigns.ts'
import { eventRoutes } from './routes/events.ts'
import { orderRoutes } from './routes/orders.ts'
import { recipientRoutes } from './routes/recipients.ts'
import { senderRoutes } from './routes/senders.ts'
import { sendingRoutes } from './routes/sending.ts'
import { suppressionRoutes } from './routes/suppressions.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The handler reads the body itself. */
    deferBody?: boolean
  }
}

/** A specification is some kilobytes; uploads do not pass through here. */
const BODY_BYTES_MAX = 262_144
/** A connection that is silent for this long is closed, ms; event streams say something more often. */
const SILENCE_MAX_MS = 60_000
const HEADERS_MAX_MS = 10_000
/** Uploads end with a problem as soon as they are told, all else is short: who has no answer by then gets none, ms. */
const DRAIN_MS = 8_000
/** When the caller may try again after Redis was away, s. */
const RETRY_AFTER_S = 5
/** The same where Redis is full: memory is freed as campaigns end, not within seconds. */
const FULL_RETRY_AFTER_S = 60

/** The API, ready to listen or to be injected into. */
export async function buildApp(context: Context): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: context.logger,
    // One line a request would be a line for every poll of a report; metrics count them, errors are logged.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    connectionTimeout: SILENCE_MAX_MS,
    // Per route instead (body.ts): one limit for all would cut long uploads.
    requestTimeout: 0,
    keepAliveTimeout: 72_000,
    http: { headersTimeout: HEADERS_MAX_MS, connectionsCheckingInterval: 5_000 },
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    routerOptions: { maxParamLength: 200 },
  }).withTypeProvider<ZodTypeProvider>()

  const endConnections = connectionEnd(app.server, DRAIN_MS)
  app.addHook('preClose', async () => endConnections())
  app.setValidatorCompiler(validatorCompiler as FastifySchemaCompiler<unknown>)
  // Answers are built from typed views; their schemas describe them and are held against them by tests.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error as FastifyError)
    if (problem.status >= 500) request.log.error({ err: error, route: request.routeOptions.url }, 'request failed')
    if (problem.status === 503)
      void reply.header('retry-after', problem.code === 'store_full' ? FULL_RETRY_AFTER_S : RETRY_AFTER_S)
    void reply
      .code(problem.status)
      .header('content-type', 'application/problem+json')
      .send(JSON.stringify(problem.document()))
  })
  app.setNotFoundHandler((request, reply) => {
    const problem = new Problem('not_found', `there is no ${request.method} ${request.url.split('?')[0]} here`)
    void reply.code(404).header('content-type', 'application/problem+json').send(JSON.stringify(problem.document()))
  })
  app.addHook('onResponse', async (request, reply) => {
    const labels = {
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: String(reply.statusCode),
    }
    context.metrics.requests.observe(labels, reply.elapsedTime / 1000)
  })
  readBodies(app as unknown as FastifyInstance)
  requireKey(app as unknown as FastifyInstance, context.apiKeys)
  await describeApi(app as unknown as FastifyInstance)

  await app.register(campaignRoutes(context))
  await app.register(orderRoutes(context))
  await app.register(recipientRoutes(context))
  await app.register(suppressionRoutes(context))
  await app.register(senderRoutes(context))
  await app.register(sendingRoutes(context))
  await app.register(eventRoutes(context))
  return app as unknown as FastifyInstance
}

async function describeApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Chasqui',
        version: '1.0.0',
        description: 'Marketing campaigns over WhatsApp. Errors are RFC 9457 problem documents with a stable `code`.',
      },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }],
    },
    transform: jsonSchemaTransform,
  })
  await app.register(swaggerUi, { routePrefix: '/docs' })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}

/** Where in a request a schema's complaint points. */
class InvalidRequest extends Error {
  readonly part: string
  readonly zod: z.core.$ZodError

  constructor(part: string, zod: z.core.$ZodError) {
    super('the request is not as described')
    this.part = part
    this.zod = zod
  }
}

function validatorCompiler({ schema, httpPart }: { schema: z.ZodType; httpPart?: string }) {
  return (data: unknown): { value: unknown } | { error: Error } => {
    const result = schema.safeParse(data)
    return result.success ? { value: result.data } : { error: new InvalidRequest(httpPart ?? 'body', result.error) }
  }
}

function problemOf(error: FastifyError): Problem {
  if (error instanceof Problem) return error
  if (error instanceof InvalidRequest) return invalid(error)
  if (isStoreFailure(error))
    return new Problem('store_unavailable', 'Redis cannot be reached or refuses writes; nothing was left half done')
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem('unsupported_media_type', 'application/json is expected')
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('body_too_large', `at most ${BODY_BYTES_MAX} bytes are read here`)
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new Problem('malformed_json', 'the body is not JSON')
    default:
      break
  }
  if (error instanceof SyntaxError || error.statusCode === 400)
    return new Problem('malformed_json', 'the body is not JSON that is read here')
  if (error.statusCode === 413) return new Problem('body_too_large', `at most ${BODY_BYTES_MAX} bytes are read here`)
  return new Problem('internal_error', 'something went wrong here; it is in the log')
}

function invalid({ part, zod }: InvalidRequest): Problem {
  const found = problemsOf(zod)
  const errors = found.map(({ pointer, message }) =>
    part === 'body' ? { pointer, detail: message } : { parameter: pointer.slice(1), detail: message },
  )
  const first = found[0]
  return new Problem(
    'invalid_request',
    first === undefined ? 'the request is not as described' : `${first.pointer || 'the body'}: ${first.message}`,
    { errors },
  )
}
