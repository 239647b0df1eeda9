import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'

const LOOK_EVERY_MS = 50

/**
 * Keeps connections from holding up a server's end: while it closes, those that ask nothing are ended, and all of them once
 * `drainMs` have passed. One that is kept alive falls idle only after its last answer, and one that never asked anything is
 * no idle one to Node 24.
 *
 * @returns what is to be called when the server begins to close; it ends by itself with the server.
 */
export function connectionEnd(server: Server, drainMs: number): () => void {
  const silent = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  server.prependListener('request', ({ socket }: IncomingMessage) => void silent.delete(socket))
  return () => {
    if (!server.listening) return
    const idle = setInterval(() => {
      server.closeIdleConnections()
      for (const socket of silent) socket.destroy()
    }, LOOK_EVERY_MS)
    const all = setTimeout(() => server.closeAllConnections(), drainMs)
    server.once('close', () => {
      clearInterval(idle)
      clearTimeout(all)
    })
  }
}
