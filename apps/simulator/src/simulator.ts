import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { answerTo, writeAnswer } from './answer.ts'
import type { Answer } from './answer.ts'
import { patchConfig } from './config.ts'
import type { ConfigPatch, PatchResult, SimulatorConfig } from './config.ts'
import { CONTROL_PREFIX, control } from './control.ts'
import type { Handled } from './endpoint.ts'
import { FACT } from './fact.ts'
import type { Incoming } from './request.ts'
import { createWorld } from './world.ts'
import type { World } from './world.ts'

export type SimulatorOptions = {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly config: SimulatorConfig
  /** Signs the webhooks. */
  readonly secret: string
  /** Requests the ledger holds at most; then it refuses rather than forget. */
  readonly ledgerMax: number
}

/** What the control API works on. */
export type Controlled = {
  readonly config: SimulatorConfig
  readonly world: World
  /** The longest the event loop stood still since the last reset, in milliseconds: how far arrival times may be wrong. */
  readonly loopDelayMaxMs: number
  /** Applies patches one after the other, all of them or none. */
  patch(patches: readonly ConfigPatch[]): PatchResult
  /** Forgets everything but the configuration. */
  reset(): Promise<void>
}

/** How long an answer waits for the status that is to overtake it. */
const EARLY_WAIT_MAX_MS = 2_000

/** Requests with more than this are answered 413; the largest real one has a few kilobytes. */
const BODY_MAX = 256 * 1024

/** The endpoint, its control API and its webhooks, on one port. */
export class Simulator implements Controlled {
  readonly #options: SimulatorOptions
  readonly #server: Server
  readonly #loop = monitorEventLoopDelay({ resolution: 5 })
  #config: SimulatorConfig
  #world: World

  constructor(options: SimulatorOptions) {
    this.#options = options
    this.#config = options.config
    this.#world = this.#newWorld()
    // A sender keeps its connections; Node's own 5 s would close them under it. Nobody slow is worth waiting for.
    this.#server = createServer(
      { keepAliveTimeout: 75_000, headersTimeout: 10_000, requestTimeout: 30_000 },
      (request, response) => this.#serve(request, response),
    )
  }

  get config(): SimulatorConfig {
    return this.#config
  }

  get world(): World {
    return this.#world
  }

  get loopDelayMaxMs(): number {
    return this.#loop.max / 1e6
  }

  /** Resolves with the port once it serves. */
  async listen(): Promise<number> {
    this.#loop.enable()
    this.#server.listen({ host: this.#options.host, port: this.#options.port, backlog: 1024 })
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('cannot happen: a TCP server has a port')
    return address.port
  }

  patch(patches: readonly ConfigPatch[]): PatchResult {
    const start: PatchResult = { ok: true, config: this.#config }
    const result = patches.reduce(
      (before: PatchResult, patch) => (before.ok ? patchConfig(before.config, patch) : before),
      start,
    )
    if (!result.ok) return result
    this.#config = result.config
    this.#world.courier.wake()
    return result
  }

  async reset(): Promise<void> {
    const old = this.#world
    this.#world = this.#newWorld()
    this.#loop.reset()
    await old.courier.close()
  }

  async close(): Promise<void> {
    this.#loop.disable()
    this.#server.close()
    this.#server.closeAllConnections()
    await this.#world.courier.close()
  }

  #newWorld(): World {
    const { secret, ledgerMax } = this.#options
    return createWorld({
      config: () => this.#config,
      run: randomInt(2 ** 32),
      secret,
      ledgerMax,
      now: epochMs,
      random: Math.random,
    })
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    // A sender that is killed in the middle of a request is an everyday event here.
    request.on('error', () => response.destroy())
    readBody(request, response, (body) => {
      const url = request.url ?? '/'
      if (url.startsWith(CONTROL_PREFIX)) return control(this, request.method ?? 'GET', url, body, response)
      this.#receive(
        {
          method: request.method ?? '',
          url,
          authorization: request.headers.authorization,
          contentType: request.headers['content-type'],
          body,
        },
        response,
      )
    })
  }

  #receive(incoming: Incoming, response: ServerResponse): void {
    const world = this.#world
    const handled = world.endpoint.receive(incoming, epochMs())
    const answer = answerTo(handled, world.run)
    const early =
      handled.plan === null ? null : world.courier.schedule(handled.request, handled.plan, handled.earlyStatus)
    const delayMs = answer.kind === 'hang' ? this.#config.answers.hangMs : handled.latencyMs
    const write = (): void => respond(world, handled, answer, response)
    // A receiver of webhooks that hangs must not hold the answers up for ever.
    if (handled.earlyStatus && early !== null)
      void Promise.race([early, sleep(EARLY_WAIT_MAX_MS, undefined, { ref: false })]).then(write)
    else if (delayMs >= 1) setTimeout(write, delayMs)
    else write()
  }
}

/** Gives the answer, and writes down that it was given. */
function respond(world: World, handled: Handled, answer: Answer, response: ServerResponse): void {
  const told = writeAnswer(response, answer, handled)
  if (told && handled.request >= 0)
    world.ledger.tell(handled.request, FACT.answered | (handled.outcome === 'held' ? FACT.held : 0))
}

/** The wall clock with fractions of a millisecond; it never runs backwards. */
function epochMs(): number {
  return performance.timeOrigin + performance.now()
}

function readBody(request: IncomingMessage, response: ServerResponse, done: (body: string) => void): void {
  const chunks: Buffer[] = []
  let length = 0
  request.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length <= BODY_MAX) chunks.push(chunk)
  })
  request.on('end', () => {
    if (length <= BODY_MAX) return done(chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString())
    response.writeHead(413, { connection: 'close' }).end()
  })
}
