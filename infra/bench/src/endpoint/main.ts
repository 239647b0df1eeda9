/**
 * A pretend endpoint that costs almost nothing: it counts requests and answers each with success, after a fixed latency
 * if asked. Its counter is the witness of every messages/s figure; the measured apps are never asked.
 *
 * Started by `startEndpoint` (control.ts) in its own process; argument 1: latency in ms.
 */
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { answers } from './answer.ts'
import { RequestCounter } from './request-counter.ts'
import type { EndpointReading } from './control.ts'

const latencyMs = Number(process.argv[2] ?? 0)
let answered = 0
let receivedBytes = 0

function serve(socket: Socket): void {
  const counter = new RequestCounter()
  socket.setNoDelay(true)
  socket.on('data', (piece: Buffer) => {
    receivedBytes += piece.length
    const complete = counter.take(piece)
    if (complete === 0) return
    if (latencyMs === 0) answer(socket, complete)
    else setTimeout(answer, latencyMs, socket, complete)
  })
  // A sender that is stopped resets its connections; nothing is to be said about it.
  socket.on('error', () => socket.destroy())
}

function answer(socket: Socket, requests: number): void {
  if (socket.destroyed) return
  socket.write(answers(answered, requests))
  answered += requests
}

function reading(): EndpointReading {
  const { user, system } = process.cpuUsage()
  return { atMs: performance.now(), count: answered, receivedBytes, cpuMs: (user + system) / 1000 }
}

const server = createServer(serve)
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.on('message', () => process.send?.(reading()))
process.on('disconnect', () => process.exit(0))
