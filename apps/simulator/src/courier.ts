import { Agent, request } from 'undici'
import { Agenda } from './agenda.ts'
import type { Due } from './agenda.ts'
import { PLAIN_NUMBER } from './config.ts'
import type { SimulatorConfig } from './config.ts'
import { numberOf } from './endpoint.ts'
import type { Ledger } from './ledger.ts'
import { signatureOf } from './signature.ts'
import { buildStatus, statusBody, STATUSES } from './status.ts'
import type { StatusGroup, StatusJson, StatusPlan } from './status.ts'

/** What became of the statuses so far. `pending + acknowledged + lost + dropped + abandoned` is all there were. */
export type CourierCounts = {
  /** Waiting, or in a body that has no answer yet. */
  readonly pending: number
  /** Statuses in bodies that were answered 200, doubles included. */
  readonly acknowledged: number
  /** Never posted, by configuration. */
  readonly lost: number
  /** Never posted, because too many waited. */
  readonly dropped: number
  /** Given up after the last retry. */
  readonly abandoned: number
  readonly bodies: { readonly acknowledged: number; readonly failed: number }
}

/** How a body is signed: `wrong` and `missing` are for tests of those who must refuse it. */
export type Signing = 'valid' | 'wrong' | 'missing'

export type CourierOptions = {
  readonly config: () => SimulatorConfig
  readonly ledger: Ledger
  /** The run of message ids. */
  readonly run: number
  /** Signs every body. */
  readonly secret: string
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Uniform in [0, 1): only how statuses are packed depends on it, never what they tell. */
  readonly random: () => number
}

/**
 * Posts status webhooks: when they are due, packed and signed, again after anything but 200, and says in the ledger what
 * was acknowledged. What waits is 14 bytes a status; texts are built when a body leaves.
 */
export class Courier {
  readonly #options: CourierOptions
  readonly #agenda = new Agenda()
  readonly #agent = new Agent({ connections: CONNECTIONS_MAX, pipelining: 1 })
  readonly #waiting = new Set<(idle: boolean) => void>()
  #timer: NodeJS.Timeout | undefined
  #bodiesInFlight = 0
  #statusesInFlight = 0
  #acknowledged = 0
  #lost = 0
  #dropped = 0
  #abandoned = 0
  #bodiesAcknowledged = 0
  #bodiesFailed = 0
  /** Statuses may be due that found no free body; else the next ones wait for the timer, and for company. */
  #behind = false
  #closed = false

  constructor(options: CourierOptions) {
    this.#options = options
  }

  get counts(): CourierCounts {
    return {
      pending: this.#agenda.size + this.#statusesInFlight,
      acknowledged: this.#acknowledged,
      lost: this.#lost,
      dropped: this.#dropped,
      abandoned: this.#abandoned,
      bodies: { acknowledged: this.#bodiesAcknowledged, failed: this.#bodiesFailed },
    }
  }

  /** Takes a message's statuses over. With `early` the first is posted at once, and the promise waits for its answer. */
  async schedule(requestIndex: number, plan: StatusPlan, early: boolean): Promise<void> {
    this.#lost += plan.lost
    const now = this.#options.now()
    const postings = plan.postings.map(({ status, afterMs }) => ({
      at: now + afterMs,
      due: { request: requestIndex, status: STATUSES.indexOf(status), tries: 0 },
    }))
    if (this.#options.config().webhooks.url === null) {
      this.#lost += postings.length
      return
    }
    const first = early ? postings.shift() : undefined
    for (const { at, due } of postings) this.#add(at, due)
    this.#arm()
    if (first !== undefined) await this.#postStatuses([first.due])
  }

  /** To be called when the configuration has changed: what it held back may go now. */
  wake(): void {
    this.#pump()
  }

  /** `true` when nothing waits and nothing is in flight, at once or later; `false` when the signal comes first. */
  async idle(signal: AbortSignal): Promise<boolean> {
    if (this.counts.pending === 0) return true
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const giveUp = (): void => resolve(false)
    this.#waiting.add(resolve)
    signal.addEventListener('abort', giveUp)
    try {
      return await promise
    } finally {
      this.#waiting.delete(resolve)
      signal.removeEventListener('abort', giveUp)
    }
  }

  /** Posts one body as it is, once. The HTTP status it was answered with, or `null` for none. */
  async post(body: string, signing: Signing = 'valid'): Promise<number | null> {
    const { url, timeoutMs } = this.#options.config().webhooks
    if (url === null || this.#closed) return null
    const secret = signing === 'wrong' ? `not ${this.#options.secret}` : this.#options.secret
    try {
      const response = await request(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'facebookexternalua',
          ...(signing === 'missing' ? {} : { 'x-hub-signature-256': signatureOf(secret, body) }),
        },
        body,
        dispatcher: this.#agent,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      })
      await response.body.dump()
      return response.statusCode
    } catch {
      // Refused, reset, timed out: all the same to the real sender, which tries again.
      return null
    }
  }

  /** Drops what waits and what is in flight. May be called twice. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const resolve of this.#waiting) resolve(true)
    await this.#agent.destroy()
  }

  #add(at: number, due: Due): void {
    if (!this.#agenda.add(at, due, this.#options.config().webhooks.pendingMax)) this.#dropped++
  }

  /** One timer, for the next status that is due, and never sooner than statuses may wait for company. */
  #arm(): void {
    if (this.#timer !== undefined || this.#closed || this.#agenda.size === 0) return
    const { flushMs } = this.#options.config().webhooks
    const wait = Math.min(Math.max(this.#agenda.nextAt - this.#options.now(), flushMs), TIMER_MAX_MS)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#pump()
    }, wait)
  }

  #pump(): void {
    const { webhooks } = this.#options.config()
    if (this.#closed) return
    this.#behind = false
    while (!webhooks.paused && webhooks.url !== null) {
      this.#behind = this.#bodiesInFlight >= webhooks.concurrency
      if (this.#behind) break
      const size = webhooks.batchMin + Math.floor(this.#options.random() * (webhooks.batchMax - webhooks.batchMin + 1))
      const batch = this.#takeDue(size)
      if (batch.length === 0) break
      // Never rejects: every failure is an answer to count.
      void this.#postStatuses(batch)
    }
    this.#arm()
  }

  #takeDue(most: number): Due[] {
    const now = this.#options.now()
    const batch: Due[] = []
    while (batch.length < most) {
      const due = this.#agenda.take(now)
      if (due === null) break
      batch.push(due)
    }
    return batch
  }

  async #postStatuses(batch: readonly Due[]): Promise<void> {
    this.#bodiesInFlight++
    this.#statusesInFlight += batch.length
    const { body, tells } = this.#pack(batch)
    const status = await this.post(body)
    this.#bodiesInFlight--
    this.#statusesInFlight -= batch.length
    if (this.#closed) return
    if (status === 200) this.#acknowledge(batch, tells)
    else this.#retry(batch)
    if (this.counts.pending === 0) for (const resolve of this.#waiting) resolve(true)
    if (this.#behind) this.#pump()
    else this.#arm()
  }

  #acknowledge(batch: readonly Due[], tells: readonly number[]): void {
    this.#bodiesAcknowledged++
    this.#acknowledged += batch.length
    for (const [place, due] of batch.entries()) this.#options.ledger.tell(due.request, tells[place] ?? 0)
  }

  #retry(batch: readonly Due[]): void {
    const { webhooks } = this.#options.config()
    this.#bodiesFailed++
    for (const due of batch) {
      if (due.tries >= webhooks.retriesMax) {
        this.#abandoned++
        continue
      }
      const backoff = Math.min(webhooks.retryMaxMs, webhooks.retryBaseMs * 2 ** due.tries)
      // Half of it at random: a body's statuses come back in other company than they left in.
      this.#add(this.#options.now() + backoff * (0.5 + this.#options.random() / 2), { ...due, tries: due.tries + 1 })
    }
  }

  #pack(batch: readonly Due[]): { readonly body: string; readonly tells: readonly number[] } {
    const { config: readConfig, ledger, run, random } = this.#options
    const config = readConfig()
    const groups = new Map<string, StatusJson[]>()
    const tells = batch.map(({ request: index, status }) => {
      const row = ledger.read(index)
      const message = buildStatus(config, run, row, STATUSES[status] ?? 'odd')
      const group = groups.get(row.phoneNumberId)
      if (group === undefined) groups.set(row.phoneNumberId, [message.json])
      else group.push(message.json)
      return message.tells
    })
    // A number may have been taken out of service since it was sent from; its statuses still come.
    const packed = [...groups].map(([phoneNumberId, statuses]): StatusGroup => ({
      phoneNumberId,
      number: numberOf(config, phoneNumberId) ?? PLAIN_NUMBER,
      statuses,
    }))
    return { body: statusBody(packed, 1 + Math.floor(random() * batch.length)), tells }
  }
}

/** More bodies than this are never in flight at once, whatever `concurrency` says (its own maximum). */
const CONNECTIONS_MAX = 256
/** Longer waits are taken in steps: a timer's delay has 31 bits. */
const TIMER_MAX_MS = 60_000
