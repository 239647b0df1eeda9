import { setTimeout as sleep } from 'node:timers/promises'

import type { Outcome } from '@chasqui/delivery'
import { afterEach, describe, expect, test } from 'vitest'

import { Endpoint } from '../src/endpoint.ts'
import type { EndpointOptions, Posting } from '../src/endpoint.ts'
import { deafAddress, http, startRaw, startWire, TAKEN } from './wire.ts'
import type { Wire, WireRequest } from './wire.ts'

const ACCEPTED: Outcome = { kind: 'accepted', messageId: 'wamid.c2FtcGxl', held: false }
const KEPT: Outcome = { kind: 'held_back', reason: 'endpoint_closed' }
const open: Array<() => Promise<void>> = []

afterEach(async () => {
  await Promise.all(open.splice(0).map(async (close) => await close()))
})

async function wire(answer: (request: WireRequest) => void): Promise<Wire> {
  const started = await startWire(answer)
  open.push(started.close)
  return started
}

function endpoint(baseUrl: string, more: Partial<EndpointOptions> = {}): Endpoint {
  const built = new Endpoint({ baseUrl, connections: 8, requestTimeoutMs: 5_000, ...more })
  open.push(async () => await built.destroy())
  return built
}

const LET_GO = (): null => null

function send(
  to: Endpoint,
  { body = '{"to":"+1"}', ...more }: Partial<Posting> & { readonly body?: string } = {},
): Promise<Outcome> {
  return new Promise((ended) =>
    to.post({
      phoneNumberId: '1065',
      accessToken: 'a-token',
      compose: () => body,
      hopeless: LET_GO,
      fence: LET_GO,
      ended,
      ...more,
    }),
  )
}

/** Keeps the event loop from turning, as a long garbage collection or a stopped process does. */
function freeze(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

describe('a request', () => {
  test('is one POST to the number, as JSON, with the token', async () => {
    const server = await wire(({ socket }) => socket.write(http(200, TAKEN)))
    expect(await send(endpoint(server.url), { body: '{"to":"+1","text":"né 🎉"}' })).toEqual(ACCEPTED)
    const [request] = server.requests
    expect(request?.head.split('\r\n')[0]).toBe('POST /v25.0/1065/marketing_messages HTTP/1.1')
    expect(request?.head.toLowerCase()).toContain('authorization: bearer a-token')
    expect(request?.head.toLowerCase()).toContain('content-type: application/json')
    expect(request?.body).toBe('{"to":"+1","text":"né 🎉"}')
  })

  test('finds its path whether or not the base URL ends in a slash', async () => {
    const server = await wire(({ socket }) => socket.write(http(200, TAKEN)))
    await send(endpoint(`${server.url}/`))
    await send(endpoint(new URL(server.url).origin))
    const paths = server.requests.map(({ head }) => head.split(' ')[1])
    expect(paths).toEqual(['/v25.0/1065/marketing_messages', '/1065/marketing_messages'])
  })

  test('leaves its connection to the next', async () => {
    const server = await wire(({ socket }) => socket.write(http(200, TAKEN)))
    const to = endpoint(server.url)
    for (let i = 0; i < 20; i++) expect(await send(to)).toEqual(ACCEPTED)
    // The second may be opened before the first one's answer is read to its end.
    expect(server.connections).toBeLessThanOrEqual(2)
  })

  test('never shares a connection with another that is on its way', async () => {
    const waiting: WireRequest[] = []
    const full = Promise.withResolvers<void>()
    const server = await wire((request) => {
      if (waiting.push(request) === 3) full.resolve()
    })
    const to = endpoint(server.url, { connections: 3 })
    const sent = Array.from({ length: 5 }, async () => await send(to))
    await full.promise
    expect(new Set(waiting.map(({ socket }) => socket)).size).toBe(3)
    for (const { socket } of waiting.splice(0)) socket.write(http(200, TAKEN))
    await expect.poll(() => waiting.length).toBe(2)
    for (const { socket } of waiting) socket.write(http(200, TAKEN))
    expect(await Promise.all(sent)).toEqual(sent.map(() => ACCEPTED))
  })
})

describe('an answer', () => {
  const answered = async (text: string): Promise<Outcome> => {
    const server = await wire(({ socket }) => socket.write(text))
    return await send(endpoint(server.url))
  }

  test('400 with a Graph code is refused by its code', async () => {
    const text = http(400, '{"error":{"message":"slow down","code":130429}}', ['retry-after: 3'])
    const refused = { kind: 'refused', code: 130429, httpStatus: 400, details: 'slow down', waitMs: 3_000 }
    expect(await answered(text)).toEqual(refused)
  })

  test('500 with a Graph code is refused by its code, too', async () => {
    const refused = { kind: 'refused', code: 134102, httpStatus: 500 }
    expect(await answered(http(500, '{"error":{"code":134102}}'))).toMatchObject(refused)
  })

  test('502 with a page of HTML is lost', async () => {
    const lost = { kind: 'lost', reason: 'http_502_without_graph_error' }
    expect(await answered(http(502, '<html>Bad Gateway</html>'))).toEqual(lost)
  })

  test('in many small pieces, in chunks, behind an early hint is read', async () => {
    const chunks = TAKEN.split('').map((character) => `1\r\n${character}\r\n`)
    const hint = 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'
    const text = `${hint}HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks.join('')}0\r\n\r\n`
    const server = await wire(({ socket }) => {
      void (async () => {
        for (let from = 0; from < text.length; from += 40) {
          socket.write(text.slice(from, from + 40))
          await sleep(1)
        }
      })()
    })
    expect(await send(endpoint(server.url))).toEqual(ACCEPTED)
  })

  test('that is no HTTP is lost', async () => {
    expect(await answered('SSH-2.0-OpenSSH_9.9\r\n')).toMatchObject({ kind: 'lost' })
  })

  test('of more than 64 kB is lost, and the next request is not harmed', async () => {
    const long = TAKEN + ' '.repeat(70_000)
    const server = await wire(({ socket, body }) => socket.write(http(200, body === 'long' ? long : TAKEN)))
    const to = endpoint(server.url)
    expect(await send(to, { body: 'long' })).toMatchObject({ kind: 'lost' })
    expect(await send(to)).toEqual(ACCEPTED)
  })

  test('of 64 kB is read', async () => {
    expect(await answered(http(200, TAKEN + ' '.repeat(64 * 1024 - TAKEN.length)))).toEqual(ACCEPTED)
  })
})

describe('once something was written, no answer means lost', () => {
  test('the connection is reset', async () => {
    const server = await wire(({ socket }) => socket.resetAndDestroy())
    const outcome = await send(endpoint(server.url))
    expect(outcome.kind).toBe('lost')
    expect(['ECONNRESET', 'UND_ERR_SOCKET']).toContain('reason' in outcome ? outcome.reason : '')
    expect(server.requests).toHaveLength(1)
  })

  test('the connection is closed in good order', async () => {
    const server = await wire(({ socket }) => socket.end())
    expect(await send(endpoint(server.url))).toEqual({ kind: 'lost', reason: 'UND_ERR_SOCKET' })
  })

  test('a 200 breaks off in the middle', async () => {
    const text = `HTTP/1.1 200 OK\r\ncontent-length: ${TAKEN.length}\r\n\r\n${TAKEN.slice(0, 40)}`
    const server = await wire(({ socket }) => socket.end(text))
    expect(await send(endpoint(server.url))).toMatchObject({ kind: 'lost' })
  })

  test('a 200 breaks off behind a whole chunk', async () => {
    const text = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${TAKEN.length.toString(16)}\r\n${TAKEN}\r\n`
    const server = await wire(({ socket }) => socket.end(text))
    expect(await send(endpoint(server.url))).toMatchObject({ kind: 'lost' })
  })

  test('the server is silent', async () => {
    const server = await wire(() => {})
    const begun = performance.now()
    const lost = { kind: 'lost', reason: 'UND_ERR_HEADERS_TIMEOUT' }
    expect(await send(endpoint(server.url, { requestTimeoutMs: 300 }))).toEqual(lost)
    expect(performance.now() - begun).toBeGreaterThan(290)
    expect(server.requests).toHaveLength(1)
  })

  test('the server falls silent in the middle of its answer', async () => {
    const server = await wire(({ socket }) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{'))
    const lost = { kind: 'lost', reason: 'UND_ERR_BODY_TIMEOUT' }
    expect(await send(endpoint(server.url, { requestTimeoutMs: 300 }))).toEqual(lost)
  })

  test('we cut it off ourselves; what had not been written was kept back', async () => {
    const arrived = Promise.withResolvers<void>()
    const server = await wire(() => arrived.resolve())
    const to = endpoint(server.url, { connections: 1 })
    const written = send(to)
    const queued = send(to)
    await arrived.promise
    await to.destroy()
    expect(await written).toMatchObject({ kind: 'lost' })
    expect(await queued).toEqual(KEPT)
    expect(server.requests).toHaveLength(1)
  })
})

describe('surely not sent', () => {
  test('nobody listens', async () => {
    expect(await send(endpoint(await deafAddress()))).toEqual({ kind: 'not_sent', reason: 'ECONNREFUSED' })
  })

  test('there is no such host', async () => {
    expect(await send(endpoint('http://nobody.invalid'))).toMatchObject({ kind: 'not_sent' })
  })

  test('TLS fails', async () => {
    const server = await startRaw((socket) => socket.write('this is no TLS\r\n'))
    open.push(server.close)
    expect(await send(endpoint(server.url.replace('http:', 'https:')))).toMatchObject({ kind: 'not_sent' })
  })
})

describe('kept back by our own ending, which says nothing of the endpoint', () => {
  test('it is closed already', async () => {
    const server = await wire(() => {})
    const to = endpoint(server.url)
    await to.destroy()
    expect(await send(to)).toEqual(KEPT)
    await to.close()
    expect(server.bytes).toBe(0)
  })

  test('its connection is still being opened', async () => {
    // Takes connections and never speaks: TLS is not there yet, and without it no request begins.
    const taken = Promise.withResolvers<void>()
    const server = await startRaw(() => taken.resolve())
    open.push(server.close)
    const to = endpoint(server.url.replace('http:', 'https:'))
    const sent = send(to)
    await taken.promise
    await to.destroy()
    expect(await sent).toEqual(KEPT)
  })
})

test('closing lets what is written end, and takes nothing new', async () => {
  const arrived = Promise.withResolvers<WireRequest>()
  const server = await wire((request) => arrived.resolve(request))
  const to = endpoint(server.url)
  const sent = send(to)
  const { socket } = await arrived.promise
  const closed = to.close()
  const late = send(to)
  socket.write(http(200, TAKEN))
  expect(await sent).toEqual(ACCEPTED)
  expect(await late).toEqual(KEPT)
  await closed
  expect(server.requests).toHaveLength(1)
})

describe('more messages than connections', () => {
  const many = Array.from({ length: 300 }, (_, id) => String(id))

  test('are composed when a connection is free, and go in the order they came in', async () => {
    const waiting: WireRequest[] = []
    const server = await wire((request) => waiting.push(request))
    const to = endpoint(server.url, { connections: 2 })
    const composed: string[] = []
    const sent = many.slice(0, 5).map(async (body) => await send(to, { compose: () => (composed.push(body), body) }))
    await expect.poll(() => waiting.length).toBe(2)
    expect(composed).toEqual(['0', '1'])
    for (const answered of [2, 4, 5]) {
      for (const { socket } of waiting.splice(0)) socket.write(http(200, TAKEN))
      await expect.poll(() => server.requests.length).toBe(Math.min(answered + 2, 5))
    }
    for (const { socket } of waiting) socket.write(http(200, TAKEN))
    expect(await Promise.all(sent)).toEqual(sent.map(() => ACCEPTED))
    expect(composed).toEqual(many.slice(0, 5))
  })

  test('open few connections at first, and one more for each answer', async () => {
    const waiting: WireRequest[] = []
    const server = await wire((request) => waiting.push(request))
    const to = endpoint(server.url, { connections: 100 })
    const sent = many.slice(0, 100).map(async (body) => await send(to, { body }))
    for (const [arrived, answers] of [
      [16, 16],
      [48, 32],
      [100, 52],
    ] as const) {
      await expect.poll(() => server.requests.length).toBe(arrived)
      expect(waiting.length).toBe(answers)
      for (const { socket } of waiting.splice(0)) socket.write(http(200, TAKEN))
    }
    await Promise.all(sent)
  })

  test('all come to an end where nobody listens', async () => {
    const to = endpoint(await deafAddress(), { connections: 2 })
    const outcomes = await Promise.all(many.map(async (body) => await send(to, { body })))
    expect(outcomes).toEqual(many.map(() => ({ kind: 'not_sent', reason: 'ECONNREFUSED' })))
  })

  test('all come to an end where connections break', async () => {
    const server = await wire(({ socket, body }) => {
      if (Number(body) % 3 === 0) socket.resetAndDestroy()
      else if (Number(body) % 3 === 1) socket.write(http(200, TAKEN, ['connection: close']))
      else socket.write(http(200, TAKEN))
    })
    const to = endpoint(server.url, { connections: 4 })
    const outcomes = await Promise.all(many.map(async (body) => await send(to, { body })))
    expect(outcomes.filter(({ kind }) => kind === 'accepted').length).toBe(200)
    expect(server.requests.map(({ body }) => body).toSorted()).toEqual(many.toSorted())
  })

  test('are kept back by the hundred', async () => {
    const server = await wire(({ socket }) => socket.write(http(200, TAKEN)))
    const to = endpoint(server.url, { connections: 2 })
    await send(to)
    const held = await Promise.all(
      Array.from({ length: 500 }, async () => await send(to, { fence: () => 'forbidden' })),
    )
    expect(new Set(held.map(({ kind }) => kind))).toEqual(new Set(['held_back']))
    expect(await send(to)).toEqual(ACCEPTED)
    expect(server.requests).toHaveLength(2)
  })
})

describe('the fence', () => {
  const held = { kind: 'held_back', reason: 'stale_claim' } as const

  test.each(['on a new connection', 'on one that is open'])('keeps every byte back, %s', async (where) => {
    const server = await wire(({ socket }) => socket.write(http(200, TAKEN)))
    const to = endpoint(server.url, { connections: 1 })
    if (where !== 'on a new connection') await send(to)
    const { bytes } = server
    expect(await send(to, { fence: () => 'stale_claim' })).toEqual(held)
    // Whatever was written before this has arrived when the answer to a later request is here.
    expect(await send(to, { body: 'after' })).toEqual(ACCEPTED)
    const after = server.requests.at(-1)
    expect(server.bytes - bytes).toBe((after?.head.length ?? 0) + 4 + 'after'.length)
  })

  test('costs its connection; what was hopeless before costs none', async () => {
    const server = await wire(({ socket }) => socket.write(http(200, TAKEN)))
    const to = endpoint(server.url, { connections: 1 })
    await send(to)
    expect(await send(to, { hopeless: () => 'slot_missed' })).toEqual({ kind: 'held_back', reason: 'slot_missed' })
    await send(to)
    expect(server.connections).toBe(1)
    expect(await send(to, { fence: () => 'slot_missed' })).toEqual({ kind: 'held_back', reason: 'slot_missed' })
    await send(to)
    expect(server.connections).toBe(2)
    expect(server.requests).toHaveLength(3)
  })

  test('is asked when the request is about to be written, not when it is handed over', async () => {
    const waiting: WireRequest[] = []
    const server = await wire((request) => waiting.push(request))
    const to = endpoint(server.url, { connections: 1 })
    const first = send(to)
    await expect.poll(() => waiting.length).toBe(1)
    let asked = 0
    let stale: string | null = null
    const second = send(to, { fence: () => (asked++, stale) })
    await sleep(20)
    expect(asked).toBe(0)
    stale = 'stale_claim'
    waiting[0]?.socket.write(http(200, TAKEN))
    expect([await first, await second]).toEqual([ACCEPTED, held])
    expect([asked, server.requests.length]).toEqual([1, 1])
  })

  test('holds after the event loop stood still between handing over and writing', async () => {
    const server = await wire(({ socket }) => socket.write(http(200, TAKEN)))
    const to = endpoint(server.url, { connections: 4 })
    const claimedAt = performance.now()
    const fence = (): string | null => (performance.now() - claimedAt > 200 ? 'stale_claim' : null)
    const sent = Array.from({ length: 50 }, async () => await send(to, { fence }))
    freeze(300)
    const outcomes = await Promise.all(sent)
    expect(outcomes).toEqual(outcomes.map(() => held))
    await send(to, { body: 'after' })
    expect(server.requests.map(({ body }) => body)).toEqual(['after'])
  })

  test('that throws is as good as one that says no', async () => {
    const server = await wire(({ socket }) => socket.write(http(200, TAKEN)))
    const outcome = await send(endpoint(server.url), {
      fence: () => {
        throw new Error('a defect')
      },
    })
    expect(outcome.kind).toBe('not_sent')
    expect(server.bytes).toBe(0)
  })
})

describe('a server that closes idle connections just when they are used again', () => {
  test('300 requests: each arrives once at most, and what is called not sent did not arrive', async () => {
    // Closes after its answer, sometimes at once and sometimes when the next request may be on its way.
    const server = await wire(({ socket, body }) => {
      socket.write(http(200, TAKEN))
      const after = (Number(body) * 7) % 12
      setTimeout(() => (after % 2 === 0 ? socket.resetAndDestroy() : socket.end()), after / 4)
    })
    const to = endpoint(server.url, { connections: 3 })
    const outcomes = new Map<string, Outcome>()
    const lane = async (first: number): Promise<void> => {
      for (let id = first; id < 300; id += 3) {
        outcomes.set(String(id), await send(to, { body: String(id) }))
        if (id % 2 === 0) await sleep(id % 4)
      }
    }
    await Promise.all([lane(0), lane(1), lane(2)])
    const arrived = server.requests.map(({ body }) => body)
    expect(arrived).toHaveLength(new Set(arrived).size)
    for (const [id, { kind }] of outcomes) {
      expect(['accepted', 'lost', 'not_sent']).toContain(kind)
      if (kind === 'accepted') expect(arrived).toContain(id)
      if (kind === 'not_sent') expect(arrived).not.toContain(id)
    }
    expect(server.connections).toBeGreaterThan(50)
  })
})
