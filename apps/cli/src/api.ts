import type { Readable } from 'node:stream'

import { Agent, request } from 'undici'
import type { Dispatcher } from 'undici'

import { Failure } from './failure.ts'
import { failureOf } from './problem.ts'
import type { Settings } from './settings.ts'

export type Query = Readonly<Record<string, string | number | undefined>>

export type Call = {
  readonly query?: Query
  readonly headers?: Readonly<Record<string, string>>
  /** A value to be sent as JSON, or the bytes of a body. */
  readonly json?: unknown
  readonly stream?: Readable
}

/** An upload of any length is answered when its last row is stored; anything else within a moment, ms. */
const ANSWER_PATIENCE_MS = 300_000
/** A live stream says something every 15 s; an export is read as fast as it comes, ms. */
const SILENCE_MAX_MS = 60_000

/** The producer's API over HTTP. Every answer that is no success is thrown as a {@link Failure}. */
export class Api {
  readonly #settings: Settings
  readonly #agent = new Agent({
    connect: { timeout: 5_000 },
    headersTimeout: ANSWER_PATIENCE_MS,
    bodyTimeout: SILENCE_MAX_MS,
  })

  constructor(settings: Settings) {
    this.#settings = settings
  }

  get url(): string {
    return this.#settings.url.href
  }

  /** The answer's JSON; `null` where it has no body. */
  async call(method: Dispatcher.HttpMethod, path: string, call: Call = {}): Promise<unknown> {
    const { body } = await this.open(method, path, call)
    const text = await body.text().catch((cause: unknown) => {
      throw this.#unavailable(`the answer to ${method} ${path} broke off`, cause)
    })
    if (text === '') return null
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw this.#unavailable(`${method} ${path} was answered with something that is not JSON`, cause)
    }
  }

  /** A successful answer whose body is still to be read. */
  async open(method: Dispatcher.HttpMethod, path: string, call: Call = {}): Promise<Dispatcher.ResponseData> {
    const answer = await this.#send(method, path, call)
    if (answer.statusCode >= 200 && answer.statusCode < 300) return answer
    const text = await answer.body.text().catch(() => '')
    throw failureOf(answer.statusCode, text, `${method} ${path}`)
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  async #send(
    method: Dispatcher.HttpMethod,
    path: string,
    { query = {}, headers = {}, json, stream }: Call,
  ): Promise<Dispatcher.ResponseData> {
    const { url, key } = this.#settings
    const target = new URL(url)
    target.pathname = `${url.pathname.replace(/\/+$/, '')}${path}`
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) target.searchParams.set(name, String(value))
    try {
      return await request(target, {
        method,
        dispatcher: this.#agent,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
        ...(stream === undefined ? {} : { body: stream }),
      })
    } catch (cause) {
      if (cause instanceof Failure) throw cause
      throw this.#unavailable(`${url.origin} cannot be reached, or broke off`, cause)
    }
  }

  #unavailable(what: string, cause: unknown): Failure {
    return new Failure('unavailable', `${what}: ${reasonOf(cause)}`, {
      details: ['CHASQUI_URL says where the producer is; `chasqui doctor` looks for what is wrong.'],
      cause,
    })
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const { code } = cause as { code?: unknown }
  return typeof code === 'string' ? code : cause.message
}
