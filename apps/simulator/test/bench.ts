import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { Agent, request } from 'undici'
import { defaultConfig, patchConfig } from '../src/config.ts'
import { Simulator } from '../src/simulator.ts'
import type { Summary } from '../src/summary.ts'
import type { CourierCounts } from '../src/courier.ts'

export const NUMBER = '106540352242922'
export const TOKEN = 'simulator-token'
export const SECRET = 'a secret'

/** A status as it was received. */
export type ReceivedStatus = {
  readonly id: string
  readonly status: string
  readonly biz_opaque_callback_data?: string
  readonly pricing?: { readonly category: string }
}

export type ReceivedBody = {
  readonly text: string
  readonly signature: string | undefined
  readonly statuses: readonly ReceivedStatus[]
}

export type Receiver = {
  readonly url: string
  readonly bodies: ReceivedBody[]
  /** The HTTP status of the next answers; 0 resets the connection. */
  answer: (body: ReceivedBody) => number
}

/** A receiver of webhooks, on a real socket. */
export async function startReceiver(): Promise<Receiver> {
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      const body = { text, signature: incoming.headers['x-hub-signature-256']?.toString(), statuses: statusesIn(text) }
      const status = receiver.answer(body)
      receiver.bodies.push(body)
      if (status === 0) incoming.socket.resetAndDestroy()
      else response.writeHead(status).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/whatsapp`,
    bodies: [],
    answer: () => 200,
  }
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return receiver
}

type Change = { readonly value: { readonly statuses?: readonly ReceivedStatus[] } }

function statusesIn(text: string): ReceivedStatus[] {
  try {
    const { entry = [] } = JSON.parse(text) as { entry?: { changes: Change[] }[] }
    return entry.flatMap(({ changes }) => changes.flatMap(({ value }) => value.statuses ?? []))
  } catch {
    return []
  }
}

export type FullSummary = Summary & { readonly webhooks: CourierCounts }

/** What a request met: an HTTP status and a body, or the code of the error that came in place of them. */
export type Met = { readonly status: number; readonly body: string } | { readonly error: string }

export type Bench = {
  readonly url: string
  readonly send: (phone: number, change?: object) => Promise<Met>
  readonly control: Control
  readonly summary: (query?: string) => Promise<FullSummary>
  readonly idle: () => Promise<void>
}

type Control = (
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
) => Promise<{ readonly status: number; readonly body: unknown }>

/** A simulator on a free port, with the given configuration, gone at the end of the test. */
export async function startSimulator(...patches: readonly object[]): Promise<Bench> {
  const config = patches.reduce((before: ReturnType<typeof defaultConfig>, patch) => {
    const result = patchConfig(before, patch)
    if (!result.ok) throw new Error(JSON.stringify(result.issues))
    return result.config
  }, defaultConfig())
  const simulator = new Simulator({ host: '127.0.0.1', port: 0, config, secret: SECRET, ledgerMax: 100_000 })
  const url = `http://127.0.0.1:${await simulator.listen()}`
  onTestFinished(() => simulator.close())
  return benchOf(url)
}

/** The same for a simulator that runs elsewhere. */
export function benchOf(url: string): Bench {
  const dispatcher = new Agent({ connections: 50 })
  onTestFinished(() => dispatcher.destroy())
  const control: Control = async (method, path, body) => {
    const response = await request(`${url}/_simulator${path}`, {
      method,
      dispatcher,
      body: body === undefined ? null : JSON.stringify(body),
    })
    return { status: response.statusCode, body: await response.body.json() }
  }
  return {
    url,
    control,
    async send(phone, change = {}) {
      try {
        const response = await request(`${url}/v25.0/${NUMBER}/marketing_messages`, {
          method: 'POST',
          dispatcher,
          headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
          body: JSON.stringify({ ...messageTo(phone), ...change }),
          headersTimeout: 5_000,
        })
        return { status: response.statusCode, body: await response.body.text() }
      } catch (error) {
        return { error: error instanceof Error && 'code' in error ? String(error.code) : String(error) }
      }
    },
    async summary(query = '') {
      return (await control('GET', `/summary${query}`)).body as FullSummary
    },
    async idle() {
      const { status, body } = await control('GET', '/idle?timeoutMs=20000')
      if (status !== 200) throw new Error(`not idle: ${JSON.stringify(body)}`)
    },
  }
}

export function messageTo(phone: number): object {
  return {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to: `+${phone}`,
    type: 'template',
    template: {
      name: 'bf_2026',
      language: { code: 'pt_BR' },
      components: [{ type: 'body', parameters: [{ type: 'text', text: 'Ana' }] }],
    },
    product_policy: 'STRICT',
    biz_opaque_callback_data: `v1.chasqui.c1.${phone.toString(36)}.1`,
  }
}

/** `count` different recipients. */
export function phones(count: number, from = 5_511_900_000_000): number[] {
  return Array.from({ length: count }, (_, i) => from + i)
}

export function unlimited(): object {
  return { otherNumbers: { perSecond: 1_000_000 } }
}
