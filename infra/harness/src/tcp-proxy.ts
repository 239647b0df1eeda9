import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A wire that can be broken: what connects to `port` talks to the target, until told otherwise. */
export interface TcpProxy {
  readonly host: string
  readonly port: number
  /** `127.0.0.1:port` with the scheme and path of the target's URL, if the target was a URL. */
  readonly url: string
  /** Connections that are open now. */
  readonly connections: number
  /** Resets every open connection; new ones are taken. */
  cut(): void
  /** Lets n more bytes of answers through, counted over all connections, then resets them all: a command was carried out, its answer is lost. */
  cutAfterResponseBytes(n: number): void
  /** The same for requests: a command arrives torn. */
  cutAfterRequestBytes(n: number): void
  /** Connections stay open and new ones are taken, nothing passes in either direction. */
  blackHole(): void
  /** Holds each piece for that long, in each direction. */
  delay(ms: number): void
  /** New connections are reset at once. */
  refuse(): void
  /** Everything as at the start; what a black hole held back passes now. */
  heal(): void
  close(): Promise<void>
}

type Direction = 'request' | 'response'

interface Fault {
  blackHole: boolean
  refuse: boolean
  delayMs: number
  /** Bytes that may still pass before everything is reset. */
  budget: Record<Direction, number>
}

const healthy = (): Fault => ({
  blackHole: false,
  refuse: false,
  delayMs: 0,
  budget: { request: Infinity, response: Infinity },
})

/**
 * Starts a proxy on a free port of 127.0.0.1.
 *
 * @param target `host:port`, or a URL with a port (`redis://127.0.0.1:6379`)
 */
export async function tcpProxy(target: string): Promise<TcpProxy> {
  const address = parseTarget(target)
  const sockets = new Set<Socket>()
  let clients = 0
  let fault = healthy()
  let healed = Promise.withResolvers<void>()

  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
  }

  const spend = (direction: Direction, bytes: Buffer): Buffer => {
    const left = fault.budget[direction]
    fault.budget[direction] -= bytes.length
    return bytes.length > left ? bytes.subarray(0, left) : bytes
  }

  const pump = async (from: Socket, to: Socket, direction: Direction): Promise<void> => {
    for await (const piece of from) {
      if (fault.delayMs > 0) await sleep(fault.delayMs)
      while (fault.blackHole) await healed.promise
      const bytes = spend(direction, piece as Buffer)
      if (bytes.length > 0 && !to.write(bytes)) await Promise.race([once(to, 'drain'), once(to, 'close')])
      if (fault.budget[direction] <= 0) {
        fault.budget[direction] = Infinity
        // What was let through reaches the other side before the reset, which would discard it.
        await new Promise<void>((resolve) => to.end(() => resolve()))
        return cut()
      }
    }
    to.end()
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (fault.refuse) return void client.resetAndDestroy()
    const upstream = connect({ ...address, allowHalfOpen: true })
    clients += 1
    client.once('close', () => (clients -= 1))
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        if (!fault.blackHole) other.destroySoon()
      })
    }
    pump(client, upstream, 'request').catch(() => upstream.destroy())
    pump(upstream, client, 'response').catch(() => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  return {
    host: '127.0.0.1',
    port,
    url: target.includes('://') ? withAddress(target, `127.0.0.1:${port}`) : `127.0.0.1:${port}`,
    get connections() {
      return clients
    },
    cut,
    cutAfterResponseBytes(n) {
      fault.budget.response = n
    },
    cutAfterRequestBytes(n) {
      fault.budget.request = n
    },
    blackHole() {
      fault.blackHole = true
    },
    delay(ms) {
      fault.delayMs = ms
    },
    refuse() {
      fault.refuse = true
    },
    heal() {
      fault = healthy()
      healed.resolve()
      healed = Promise.withResolvers<void>()
    },
    async close() {
      if (!server.listening) return
      server.close()
      for (const socket of sockets) socket.destroy()
      // Pumps that wait in a black hole must find it gone, or they would wait for a promise that is fulfilled already, for ever.
      fault = healthy()
      healed.resolve()
      await once(server, 'close')
    },
  }
}

function parseTarget(target: string): { host: string; port: number } {
  const authority = target.replace(/^[a-z+]+:\/\//i, '').replace(/^[^@/]*@/, '')
  const [, host, port] = /^([^:/]+):(\d+)/.exec(authority) ?? []
  if (host === undefined || port === undefined)
    throw new Error(`tcpProxy wants host:port or a URL with a port, got ${target}`)
  return { host, port: Number(port) }
}

const withAddress = (url: string, address: string): string =>
  url.replace(/^([a-z+]+:\/\/(?:[^@/]*@)?)[^/]+/i, `$1${address}`)
