import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

import { afterEach, expect, test } from 'vitest'

import { Endpoint } from '../src/endpoint.ts'

const OK_BODY = '{"messages":[{"id":"wamid.X"}]}'
const OK = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${OK_BODY.length}\r\n\r\n${OK_BODY}`

const cleanup: Array<() => unknown> = []
afterEach(async () => {
  for (const end of cleanup.splice(0).toReversed()) await end()
})

/** A server that is told of every whole request and answers as it likes; keeps what it received. */
async function serve(
  onRequest: (socket: Socket, count: number) => void,
): Promise<{ url: string; received: () => string; requests: () => number; server: Server }> {
  let received = ''
  let requests = 0
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    let open = ''
    socket.on('error', () => {})
    socket.on('data', (data) => {
      received += data.toString()
      open += data.toString()
      // Our bodies end with a brace that closes the JSON text.
      while (open.includes('"end":1}')) {
        open = open.slice(open.indexOf('"end":1}') + 8)
        onRequest(socket, ++requests)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanup.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v25.0`,
    received: () => received,
    requests: () => requests,
    server,
  }
}

function open(baseUrl: string, requestTimeoutMs = 2_000): Endpoint {
  const endpoint = new Endpoint({ baseUrl, connections: 4, requestTimeoutMs })
  cleanup.push(async () => await endpoint.destroy())
  return endpoint
}

const request = { phoneNumberId: '123', accessToken: 'secret', body: '{"n":0,"end":1}', fence: () => null }

test('posts to the number under the version, with the token', async () => {
  const { url, received } = await serve((socket) => socket.write(OK))
  expect(await open(url).send(request)).toEqual({ kind: 'accepted', messageId: 'wamid.X', held: false })
  expect(received()).toMatch(/^POST \/v25\.0\/123\/marketing_messages HTTP\/1\.1\r\n/)
  expect(received()).toMatch(/authorization: Bearer secret\r\n/)
  expect(received()).toMatch(/content-type: application\/json\r\n/)
})

test('a refused connection was surely not sent', async () => {
  const { url, server } = await serve(() => {})
  server.close()
  await once(server, 'close')
  expect(await open(url).send(request)).toEqual({ kind: 'not_sent', reason: 'ECONNREFUSED' })
})

test('a host that does not exist was surely not sent to', async () => {
  expect(await open('http://chasqui.invalid/v25.0').send(request)).toMatchObject({ kind: 'not_sent' })
})

test.each([
  ['a reset after the request', (socket: Socket): unknown => socket.resetAndDestroy()],
  ['a closed connection after the request', (socket: Socket): unknown => socket.end()],
  ['silence', (): unknown => undefined],
  ['a 200 that breaks off', (socket: Socket): unknown => socket.end(OK.slice(0, -5))],
  ['an answer that is not HTTP', (socket: Socket): unknown => socket.end('what?\r\n\r\n')],
  [
    'a 502 page',
    (socket: Socket): unknown => socket.write('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\n\r\n<html>'),
  ],
  [
    'an answer of 100 kB',
    (socket: Socket): unknown =>
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n${'x'.repeat(100_000)}`),
  ],
])('%s leaves the message lost', async (_name, answer) => {
  const { url, requests } = await serve((socket) => void answer(socket))
  expect(await open(url, 300).send(request)).toMatchObject({ kind: 'lost' })
  expect(requests()).toBe(1)
})

test('what the fence keeps back never reaches the wire', async () => {
  const { url, received } = await serve((socket) => socket.write(OK))
  const endpoint = open(url)
  expect(await endpoint.send({ ...request, fence: () => 'stale_claim' })).toEqual({
    kind: 'held_back',
    reason: 'stale_claim',
  })
  expect(received()).toBe('')
  expect((await endpoint.send(request)).kind).toBe('accepted')
})

test('a loop that froze between the call and the socket is seen by the fence', async () => {
  const { url, received } = await serve((socket) => socket.write(OK))
  const endpoint = open(url)
  const begun = performance.now()
  const sending = endpoint.send({ ...request, fence: () => (performance.now() - begun > 100 ? 'stale_claim' : null) })
  // The connection is made while the loop stands still, so the write comes after.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150)
  expect(await sending).toEqual({ kind: 'held_back', reason: 'stale_claim' })
  expect(received()).toBe('')
})

test('a Graph error is read whatever the HTTP status', async () => {
  const body = '{"error":{"code":134102,"message":"no"}}'
  const { url } = await serve((socket) =>
    socket.write(`HTTP/1.1 500 Oops\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
  )
  expect(await open(url).send(request)).toMatchObject({ kind: 'refused', code: 134_102, httpStatus: 500 })
})

test('a server that closes idle connections gets no request twice', async () => {
  const bodies = new Map<string, number>()
  const { url, received } = await serve((socket) => {
    socket.write(OK)
    setTimeout(() => socket.end(), 3)
  })
  const endpoint = open(url)
  for (let round = 0; round < 75; round++) {
    await Promise.all(
      [0, 1, 2, 3].map(async (lane) => await endpoint.send({ ...request, body: `{"n":"${round}-${lane}","end":1}` })),
    )
    await new Promise((resolve) => setTimeout(resolve, round % 7))
  }
  for (const [, name = ''] of received().matchAll(/"n":"([\d-]+)"/g)) bodies.set(name, (bodies.get(name) ?? 0) + 1)
  expect([...bodies.values()].filter((times) => times > 1)).toEqual([])
  expect(bodies.size).toBeGreaterThan(290)
})

test('destroying cuts off what is on its way, and it is lost', async () => {
  const arrived = Promise.withResolvers<void>()
  const { url } = await serve(() => arrived.resolve())
  const endpoint = open(url)
  const sending = endpoint.send(request)
  await arrived.promise
  await endpoint.destroy()
  expect((await sending).kind).toBe('lost')
})
