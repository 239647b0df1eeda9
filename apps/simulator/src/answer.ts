import type { ServerResponse } from 'node:http'
import { graphErrorBody, httpOf } from './graph-error.ts'
import type { Handled } from './endpoint.ts'
import type { Lost } from './lost.ts'
import { isLost } from './outcome.ts'
import { wamidOf } from './wamid.ts'

/** What goes back over the wire. */
export type Answer =
  /** A Graph answer. */
  | { readonly kind: 'graph'; readonly status: number; readonly body: string }
  /** An answer from something in between, or from the endpoint in a bad moment. */
  | { readonly kind: 'foreign'; readonly status: number; readonly type: string; readonly body: string }
  /** Half of a body, then a reset. */
  | { readonly kind: 'truncated'; readonly body: string }
  | { readonly kind: 'reset' }
  | { readonly kind: 'hang' }

/** Pure: what a decision looks like on the wire. `run` is the run of message ids. */
export function answerTo(handled: Handled, run: number): Answer {
  const { outcome, error, request, phone } = handled
  if (isLost(outcome)) return lostAnswer(outcome, acceptance(run, request, phone, 'accepted'), traceOf(request))
  if (error !== null)
    return { kind: 'graph', status: httpOf(error.code), body: graphErrorBody(error, traceOf(request)) }
  const status = outcome === 'held' ? 'held_for_quality_assessment' : 'accepted'
  return { kind: 'graph', status: 200, body: acceptance(run, request, phone, status) }
}

function lostAnswer(lost: Lost, acceptedBody: string, trace: string): Answer {
  switch (lost) {
    case 'reset':
    case 'reset_unprocessed':
      return { kind: 'reset' }
    case 'hang':
    case 'hang_unprocessed':
      return { kind: 'hang' }
    case 'truncated':
      return { kind: 'truncated', body: acceptedBody }
    case 'unreadable':
      return {
        kind: 'foreign',
        status: 200,
        type: 'text/html',
        body: '<!DOCTYPE html><html><body>Sorry, something went wrong.</body></html>',
      }
    case 'bare_5xx':
    case 'bare_5xx_unprocessed':
      return {
        kind: 'foreign',
        status: 502,
        type: 'text/html',
        body: '<html><head><title>502 Bad Gateway</title></head></html>',
      }
    case 'graph_500':
      return { kind: 'graph', status: 500, body: graphErrorBody({ code: 131000 }, trace) }
  }
}

function acceptance(run: number, request: number, phone: number, status: string): string {
  return `{"messaging_product":"whatsapp","contacts":[{"input":"+${phone}","wa_id":"${phone}"}],"messages":[{"id":"${wamidOf(run, request, phone)}","message_status":"${status}"}]}`
}

function traceOf(request: number): string {
  return `A${request.toString(36).padStart(10, '0')}`
}

/** Writes an answer. `true`: one that can be read went out to a connection that was still open. */
export function writeAnswer(response: ServerResponse, answer: Answer, handled: Handled): boolean {
  const { socket } = response
  if (socket === null || socket.destroyed) return false
  switch (answer.kind) {
    case 'graph':
      response.writeHead(answer.status, graphHeaders(answer.body, handled)).end(answer.body)
      return !isLost(handled.outcome)
    case 'foreign':
      response
        .writeHead(answer.status, [
          'content-type',
          answer.type,
          'content-length',
          String(Buffer.byteLength(answer.body)),
        ])
        .end(answer.body)
      return false
    case 'truncated':
      response.writeHead(200, graphHeaders(answer.body, handled))
      // The reset must not overtake the half that is meant to arrive.
      response.write(answer.body.slice(0, answer.body.length / 2), () =>
        setTimeout(() => socket.destroy(), TRUNCATE_AFTER_MS),
      )
      return false
    case 'reset':
    case 'hang':
      socket.resetAndDestroy()
      return false
  }
}

const TRUNCATE_AFTER_MS = 5

/** The headers of the real endpoint that a sender might read. There is no Retry-After among them. */
function graphHeaders(body: string, handled: Handled): string[] {
  const trace = traceOf(handled.request)
  return [
    'content-type',
    'application/json; charset=UTF-8',
    'content-length',
    String(Buffer.byteLength(body)),
    'facebook-api-version',
    'v25.0',
    'x-fb-request-id',
    trace,
    'x-fb-trace-id',
    trace,
    'x-fb-rev',
    '1000000001',
    'x-business-use-case-usage',
    `{"${handled.wabaId}":[{"type":"whatsapp","call_count":${handled.usage},"total_cputime":1,"total_time":1,"estimated_time_to_regain_access":0}]}`,
  ]
}
