import type { FastifyInstance, FastifyRequest } from 'fastify'

import { Problem } from './problem.ts'

/** A JSON body must be here within this time; uploads take as long as they take, and only may not fall silent. */
const BODY_PATIENCE_MS = 15_000

/** How long the rest of a refused upload is read and thrown away, so that the client gets to read the answer. */
const REST_PATIENCE_MS = 5_000

const patience = new WeakMap<FastifyRequest, NodeJS.Timeout>()

/** Bodies of ordinary calls: JSON, or nothing, whatever the content type says of it. */
export function readBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else void parse(request, body as string, done)
  })
  // Against bodies that trickle in a byte at a time; cleared when the body is there.
  app.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.deferBody === true) return
    const timer = setTimeout(
      () => request.raw.destroy(new Problem('request_timeout', 'the body did not arrive in time')),
      BODY_PATIENCE_MS,
    )
    patience.set(request, timer.unref())
  })
  app.addHook('preValidation', async (request) => clearTimeout(patience.get(request)))
  app.addHook('onResponse', async (request) => clearTimeout(patience.get(request)))
  app.addHook('onRequestAbort', async (request) => clearTimeout(patience.get(request)))
}

/** In this scope handlers read `request.raw` themselves, of whatever type and length. */
export function deferBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, deferBody: true }
  })
}

/**
 * Answer before the body has been read to its end. What still comes is read and thrown away for a while, so that a client
 * that is still sending gets to read the answer: `Connection: close` would make Node cut it off as soon as the answer is
 * written.
 */
export function refuseRest(request: FastifyRequest): void {
  const { raw } = request
  if (raw.complete || raw.destroyed) return
  raw.unpipe()
  raw.on('error', () => {})
  raw.resume()
  const timer = setTimeout(() => raw.destroy(), REST_PATIENCE_MS)
  raw.once('close', () => clearTimeout(timer))
}
