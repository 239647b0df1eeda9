import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the range from which systems take ports for outgoing connections (32768 and up on Linux; from 49152 by RFC 6335):
 * one of those could take a port of that range while nobody listens on it, also while an app is killed and started again.
 */
const LOWEST = 20_000
const HIGHEST = 32_000
/** So many taken ones in a row would be no chance. */
const TRIES = 100

const given = new Set<number>()

/**
 * A TCP port of 127.0.0.1 that was free a moment ago, given once by this process.
 *
 * Another process may take it before its use; whoever can listen on port 0 and tell the port afterwards should rather do that.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < TRIES; tried++) {
    const port = randomInt(LOWEST, HIGHEST)
    if (given.has(port)) continue
    given.add(port)
    if (await isFree(port)) return port
  }
  throw new Error(`none of ${TRIES} ports between ${LOWEST} and ${HIGHEST} of 127.0.0.1 was free`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
