import { setTimeout as delay } from 'node:timers/promises'

import type { Api } from './api.ts'
import { Failure } from './failure.ts'
import { EventReader } from './sse.ts'

/** Once a report has been seen, the API may be away this often in a row before it is given up. */
const TRIES = 15
const AGAIN_MS = 2_000

/**
 * A campaign's reports as they change, without end: by server-sent events, or by asking now and then where no event
 * stream can be had. A producer that is restarted in between is waited for.
 */
export async function* follow(api: Api, path: string): AsyncGenerator {
  let failures = 0
  let begun = false
  for (;;) {
    try {
      for await (const report of stream(api, path)) {
        yield report
        begun = true
        failures = 0
      }
    } catch (error) {
      if (!isAway(error)) throw error
    }
    try {
      yield await api.call('GET', path)
      begun = true
      failures = 0
    } catch (error) {
      failures += 1
      if (!isAway(error) || !begun || failures > TRIES) throw error
    }
    await delay(AGAIN_MS)
  }
}

async function* stream(api: Api, path: string): AsyncGenerator {
  const { body } = await api.open('GET', `${path}/events`, { headers: { accept: 'text/event-stream' } })
  const reader = new EventReader()
  const decoder = new TextDecoder()
  try {
    for await (const piece of body) {
      for (const { event, data } of reader.push(decoder.decode(piece as Uint8Array, { stream: true })))
        if (event === 'report') yield JSON.parse(data)
    }
  } catch (cause) {
    throw new Failure('unavailable', 'the live report broke off', { cause })
  } finally {
    body.destroy()
  }
}

function isAway(error: unknown): boolean {
  return error instanceof Failure && error.exit === 'unavailable'
}
