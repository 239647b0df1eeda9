import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** One complete request as it came over the wire. */
export type WireRequest = { readonly head: string; readonly body: string; readonly socket: Socket }

/** A TCP server that answers with bytes, so that a test says exactly what a sender meets. */
export type Wire = {
  readonly url: string
  readonly requests: readonly WireRequest[]
  /** Every byte that has come, over all connections. */
  readonly bytes: number
  readonly connections: number
  readonly close: () => Promise<void>
}

/** Calls `answer` for every complete request of a connection. */
export async function startWire(answer: (request: WireRequest) => void): Promise<Wire> {
  const requests: WireRequest[] = []
  let bytes = 0
  let connections = 0
  const { url, close } = await startRaw((socket) => {
    connections += 1
    let pending = Buffer.alloc(0)
    socket.on('data', (piece: Buffer) => {
      bytes += piece.length
      pending = Buffer.concat([pending, piece])
      for (let read = takeRequest(pending); read !== null; read = takeRequest(pending)) {
        pending = pending.subarray(read.length)
        const request = { head: read.head, body: read.body, socket }
        requests.push(request)
        answer(request)
      }
    })
  })
  return {
    url,
    close,
    requests,
    get bytes() {
      return bytes
    },
    get connections() {
      return connections
    },
  }
}

export type RawServer = { readonly url: string; readonly close: () => Promise<void> }

/** Calls `greet` for every connection. */
export async function startRaw(greet: (socket: Socket) => void): Promise<RawServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    greet(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v25.0`,
    close: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

/** An address at which nobody listens. */
export async function deafAddress(): Promise<string> {
  const server = await startRaw(() => {})
  await server.close()
  return server.url
}

function takeRequest(bytes: Buffer): { head: string; body: string; length: number } | null {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return null
  const head = bytes.toString('latin1', 0, end)
  const length = end + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
  return bytes.length < length ? null : { head, body: bytes.toString('utf8', end + 4, length), length }
}

/** An HTTP answer as text. `more`: further header lines. */
export function http(status: number, body: string, more: readonly string[] = []): string {
  return [`HTTP/1.1 ${status} Whatever`, `content-length: ${Buffer.byteLength(body)}`, ...more, '', body].join('\r\n')
}

export const TAKEN = '{"messaging_product":"whatsapp","messages":[{"id":"wamid.c2FtcGxl"}]}'
