import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import type { Context } from '../context.ts'
import { Problem } from '../problem.ts'
import { readReport } from '../report.ts'
import { campaignParams } from './schemas.ts'

const EVERY_MS = 1_000
/** Proxies close connections that are silent; a comment now and then keeps them open. */
const HEARTBEAT_MS = 15_000
/** Each stream asks Redis once a second. */
const STREAMS_MAX = 200

/** The report, live, as server-sent events: `event: report` whenever it has changed. */
export function eventRoutes(context: Context): FastifyPluginAsyncZod {
  let open = 0
  return async (app) => {
    app.route({
      method: 'GET',
      url: '/v1/campaigns/:id/events',
      schema: {
        summary: 'The report, live',
        description:
          'Server-sent events: `event: report` with the same document as `GET /v1/campaigns/{id}`, at once and whenever it has changed.',
        tags: ['campaigns'],
        produces: ['text/event-stream'],
        params: campaignParams,
      },
      handler: async (request, reply) => {
        const { id } = request.params
        if (open >= STREAMS_MAX) throw new Problem('too_busy', `${STREAMS_MAX} event streams are open`)
        const first = await readReport(context, id)
        reply.hijack()
        reply.raw.writeHead(200, {
          'content-type': 'text/event-stream',
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
        })
        context.metrics.streams.set(++open)
        const gone = new AbortController()
        reply.raw.once('close', () => gone.abort())
        try {
          await stream(
            reply.raw,
            first,
            async () => await readReport(context, id),
            AbortSignal.any([gone.signal, context.stopping]),
          )
        } catch (error) {
          request.log.warn({ err: error }, 'event stream ended early')
        } finally {
          context.metrics.streams.set(--open)
          reply.raw.end()
        }
      },
    })
  }
}

async function stream(
  out: ServerResponse,
  first: unknown,
  read: () => Promise<unknown>,
  stop: AbortSignal,
): Promise<void> {
  let last = JSON.stringify(first)
  let saidAt = performance.now()
  out.write(event(last))
  while (!stop.aborted) {
    await delay(EVERY_MS, undefined, { signal: stop }).catch(() => {})
    if (stop.aborted) return
    const report = JSON.stringify(await read())
    // A client that does not read is not written to: it gets the newest report when it does.
    if (out.writableNeedDrain) continue
    if (report !== last) out.write(event(report))
    else if (performance.now() - saidAt > HEARTBEAT_MS) out.write(': still here\n\n')
    else continue
    last = report
    saidAt = performance.now()
  }
}

function event(report: string): string {
  return `event: report\ndata: ${report}\n\n`
}
