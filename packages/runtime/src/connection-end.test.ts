import { once } from 'node:events'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { expect, test } from 'vitest'

import { connectionEnd } from './connection-end.ts'

const ASK = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'
const FOR_EVER_MS = 600_000

/** A server that answers as it is told, and how its connections are ended. */
async function listening(onRequest: (response: ServerResponse) => void, drainMs: number) {
  const server = createServer((_request, response) => onRequest(response))
  const endConnections = connectionEnd(server, drainMs)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    connected: async (): Promise<Socket> => {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      const seen = once(server, 'connection')
      await Promise.all([once(socket, 'connect'), seen])
      return socket
    },
    closed: async (): Promise<void> => {
      endConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** However it closes. */
async function closing(socket: Socket): Promise<void> {
  socket.resume()
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
}

test('one that never asked anything, one that is kept alive and one in the middle of its question hold nothing up', async () => {
  const { connected, closed } = await listening((response) => response.end('well'), FOR_EVER_MS)
  const [silent, keptAlive, halfway] = [await connected(), await connected(), await connected()]
  keptAlive.write(ASK)
  await once(keptAlive, 'data')
  halfway.write(ASK.slice(0, 9))
  const gone = [silent, keptAlive, halfway].map(closing)
  await closed()
  await Promise.all(gone)
})

test('one that waits for its answer gets it', async () => {
  const asked = Promise.withResolvers<ServerResponse>()
  const { connected, closed } = await listening(asked.resolve, FOR_EVER_MS)
  const socket = await connected()
  socket.write(ASK)
  const response = await asked.promise
  const ended = closed()
  // Idle ones are looked for meanwhile.
  setTimeout(() => response.end('well'), 200)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1.1 200 OK[^]*well/)
  await ended
})

test('one that gets no answer is cut off when time is up', async () => {
  const asked = Promise.withResolvers<ServerResponse>()
  const { connected, closed } = await listening(asked.resolve, 300)
  const socket = await connected()
  socket.write(ASK)
  await asked.promise
  const gone = closing(socket)
  await closed()
  await gone
})
