import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { tcpProxy, type TcpProxy } from '../src/index.ts'

let echo: Server
let heard: string
let proxy: TcpProxy
const clients: Socket[] = []

beforeEach(async () => {
  heard = ''
  echo = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      heard += bytes
      socket.write(bytes)
    })
  }).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  proxy = await tcpProxy(`127.0.0.1:${(echo.address() as AddressInfo).port}`)
})

afterEach(async () => {
  for (const socket of clients.splice(0)) socket.destroy()
  await proxy.close()
  echo.close()
})

function client(): { socket: Socket; received: () => string } {
  const socket = connect(proxy.port, '127.0.0.1')
  let text = ''
  socket.on('error', () => {})
  socket.on('data', (bytes) => (text += bytes))
  clients.push(socket)
  return { socket, received: () => text }
}

/** Unlike `once(socket, 'close')` this takes the reset that comes before for what it is: expected. */
const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()))

test('passes everything through, both ways', async () => {
  const { socket, received } = client()
  socket.write('hello')
  await expect.poll(received).toBe('hello')
  expect(proxy.connections).toBe(1)
})

test('an answer is cut after n bytes although the request was carried out', async () => {
  const { socket, received } = client()
  proxy.cutAfterResponseBytes(3)
  socket.write('hello')
  await closed(socket)
  expect(received()).toBe('hel')
  expect(heard).toBe('hello')
})

test('a request is cut after n bytes', async () => {
  const { socket } = client()
  proxy.cutAfterRequestBytes(2)
  socket.write('hello')
  await closed(socket)
  expect(heard).toBe('he')
})

test('after a cut the next connection works', async () => {
  const first = client()
  proxy.cutAfterResponseBytes(0)
  first.socket.write('a')
  await closed(first.socket)
  const second = client()
  second.socket.write('b')
  await expect.poll(second.received).toBe('b')
})

test('a black hole swallows, healing delivers', async () => {
  const { socket, received } = client()
  socket.write('before ')
  await expect.poll(received).toBe('before ')
  proxy.blackHole()
  socket.write('inside')
  await sleep(100)
  expect(heard).toBe('before ')
  proxy.heal()
  await expect.poll(received).toBe('before inside')
})

test('a proxy closes out of a black hole', async () => {
  const { socket, received } = client()
  socket.write('before')
  await expect.poll(received).toBe('before')
  proxy.blackHole()
  socket.write('inside')
  await sleep(50)
  await proxy.close()
  await expect.poll(() => proxy.connections).toBe(0)
})

test('cut closes what is open', async () => {
  const { socket, received } = client()
  socket.write('x')
  await expect.poll(received).toBe('x')
  proxy.cut()
  await closed(socket)
  await expect.poll(() => proxy.connections).toBe(0)
})

test('refuse resets new connections until healed', async () => {
  proxy.refuse()
  await closed(client().socket)
  proxy.heal()
  const { socket, received } = client()
  socket.write('again')
  await expect.poll(received).toBe('again')
})

test('delay holds each piece', async () => {
  proxy.delay(100)
  const { socket, received } = client()
  await once(socket, 'connect')
  const start = performance.now()
  socket.write('slow')
  await expect.poll(received).toBe('slow')
  expect(performance.now() - start).toBeGreaterThan(180)
})

test('a URL keeps its scheme, credentials and path', async () => {
  const other = await tcpProxy('redis://user:pass@127.0.0.1:6379/3')
  expect(other.url).toBe(`redis://user:pass@127.0.0.1:${other.port}/3`)
  await other.close()
})

test('a target without a port is refused', async () => {
  await expect(tcpProxy('localhost')).rejects.toThrow('tcpProxy wants host:port')
})
