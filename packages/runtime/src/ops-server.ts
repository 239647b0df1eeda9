import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'

/** Whether the process can do its work now. */
export type Readiness = { readonly ok: true } | { readonly ok: false; readonly why: string }

export interface OpsServer {
  readonly port: number
  close(): Promise<void>
}

export interface OpsServerOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly registry: Registry
  /** Asked by every `/readyz`; one that throws or takes longer than two seconds is a no. */
  readonly ready: () => Promise<Readiness>
}

const READY_TIMEOUT_MS = 2_000

/**
 * Serves `/metrics`, `/livez` (the process answers) and `/readyz` (it can do its work; 503 and the reason if not).
 *
 * A port of its own: none of it is ever reachable where the public is.
 */
export async function startOpsServer({ host, port, registry, ready }: OpsServerOptions): Promise<OpsServer> {
  const answers: Readonly<Record<string, () => Promise<Answer>>> = {
    '/metrics': async () => ({ status: 200, type: registry.contentType, body: await registry.metrics() }),
    '/livez': async () => plain(200, 'ok'),
    '/readyz': async () => {
      const readiness = await inTime(ready)
      return readiness.ok ? plain(200, 'ok') : plain(503, readiness.why)
    },
  }
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    answer(request, answers).then(
      (what) => write(request, response, what),
      (error: unknown) => write(request, response, plain(500, error instanceof Error ? error.message : String(error))),
    )
  })
  server.listen(port, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

const plain = (status: number, body: string): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
})

async function answer(
  request: IncomingMessage,
  answers: Readonly<Record<string, () => Promise<Answer>>>,
): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'only GET')
  const path = (request.url ?? '/').replace(/\?.*$/s, '')
  return Object.hasOwn(answers, path)
    ? await (answers[path] as () => Promise<Answer>)()
    : plain(404, Object.keys(answers).join(' '))
}

function write(request: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(request.method === 'HEAD' ? undefined : body)
}

async function inTime(ready: () => Promise<Readiness>): Promise<Readiness> {
  const { promise, resolve } = Promise.withResolvers<Readiness>()
  const timer = setTimeout(
    () => resolve({ ok: false, why: `no answer within ${READY_TIMEOUT_MS} ms` }),
    READY_TIMEOUT_MS,
  )
  try {
    return await Promise.race([promise, ready()])
  } catch (error) {
    return { ok: false, why: error instanceof Error ? error.message : String(error) }
  } finally {
    clearTimeout(timer)
  }
}
