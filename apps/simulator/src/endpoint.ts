import { DRAW, lotOf } from './chance.ts'
import type { NumberConfig, SimulatorConfig, TemplateState } from './config.ts'
import { FACT } from './fact.ts'
import { attemptFate, deliveryFate } from './fate.ts'
import type { DeliveryFate } from './fate.ts'
import type { GraphError } from './graph-error.ts'
import type { Ledger } from './ledger.ts'
import { PairLimiter, SlidingLimiter } from './limiter.ts'
import { isProcessed } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import { readRequest } from './request.ts'
import type { Incoming, Reading, Send } from './request.ts'
import type { ScriptedFate } from './script.ts'
import { planStatuses } from './status.ts'
import type { StatusPlan } from './status.ts'

/** What the endpoint decided about a request. It is written down already; the answer is still to be given. */
export type Handled = {
  /** The request's place in the ledger. */
  readonly request: number
  readonly phone: number
  readonly outcome: Outcome
  /** What to refuse it with; `null` unless `outcome` is `refused`. */
  readonly error: GraphError | null
  readonly latencyMs: number
  /** Statuses to post; `null` if the message was not taken. */
  readonly plan: StatusPlan | null
  /** Its first status is to be acknowledged before the answer leaves. */
  readonly earlyStatus: boolean
  /** The account of its number, and the percentage of the number's limit in use: what the usage header tells. */
  readonly wabaId: string
  readonly usage: number
}

/**
 * The endpoint itself, without sockets and clocks: a request and the time go in, a decision comes out, and the ledger
 * has it before anybody hears of it.
 */
export class Endpoint {
  readonly #config: () => SimulatorConfig
  readonly #ledger: Ledger
  readonly #lanes = new Map<string, Lane>()
  /** The configuration that the lanes follow. */
  #followed: SimulatorConfig | null = null
  readonly #pairs = new PairLimiter()
  /** Recipients that stopped marketing messages: from then on 131050. */
  readonly stopped = new Set<number>()
  /** Recipients whose fate a test laid down. */
  readonly scripted = new Map<number, ScriptedFate>()

  constructor(config: () => SimulatorConfig, ledger: Ledger) {
    this.#config = config
    this.#ledger = ledger
  }

  /** `at` in epoch milliseconds, never smaller than before. */
  receive(incoming: Incoming, at: number): Handled {
    const config = this.#config()
    const reading = readRequest(incoming, config)
    const mentioned = reading.ok ? reading.send : reading.mentioned
    const lane = this.#laneOf(config, mentioned.phoneNumberId)
    const verdict = this.#ledger.isFull ? refused(LEDGER_FULL) : this.#judge(config, reading, lane, at)
    const processed = isProcessed(verdict.outcome)
    const request = this.#ledger.isFull
      ? -1
      : this.#ledger.record({
          ...mentioned,
          at,
          outcome: verdict.outcome,
          code: verdict.error?.code ?? verdict.delivery?.failedCode ?? null,
          facts: verdict.delivery?.facts ?? 0,
        })
    return {
      request,
      phone: mentioned.phone,
      outcome: verdict.outcome,
      error: verdict.error,
      latencyMs: verdict.latencyMs,
      plan: processed ? planStatuses(config, mentioned.phone, verdict.delivery?.facts ?? 0) : null,
      earlyStatus: processed && verdict.earlyStatus,
      wabaId: lane?.number.wabaId ?? '0',
      usage: lane?.limiter.usage(at) ?? 0,
    }
  }

  /** In the order of the real endpoint as far as it is known: outage, call, token, body, number, rates, template, fate. */
  #judge(config: SimulatorConfig, reading: Reading, lane: Lane | null, at: number): Verdict {
    const down = outage(config, reading, lane)
    if (down !== null) return down
    if (!reading.ok) return refused(reading.error)
    const { send } = reading
    if (lane === null) return refused({ code: 33, details: 'The phone number id is not known here.' })
    const { number, limiter } = lane
    const error =
      wrongNumber(number) ??
      (limiter.take(at) ? null : { code: 130429 }) ??
      this.#pairError(config, send, at) ??
      wrongTemplate(config, send) ??
      (number.onboarded || send.mayFallBack ? null : { code: 134102 })
    return error === null ? this.#meetFate(config, send, number) : refused(error)
  }

  #meetFate(config: SimulatorConfig, send: Send, number: NumberConfig): Verdict {
    const attempt = this.#ledger.recipients.countAttempt(this.#ledger.recipients.idOf(send.phone))
    const scripted = this.scripted.get(send.phone)
    const fate = attemptFate(config, send.phone, attempt)
    if (scripted !== undefined) return { ...meetScript(scripted, attempt), latencyMs: fate.latencyMs }
    const code = fate.rejected ?? fate.stumble
    if (code !== null) return { ...refused({ code }), latencyMs: fate.latencyMs }
    const delivery = this.#deliveryOf(config, send, number)
    const taken: Outcome = (delivery.facts & FACT.held) === 0 ? 'accepted' : 'held'
    const outcome = fate.lost ?? taken
    return {
      outcome,
      error: null,
      delivery: isProcessed(outcome) ? delivery : null,
      latencyMs: fate.latencyMs,
      earlyStatus: fate.earlyStatus,
    }
  }

  #deliveryOf(config: SimulatorConfig, send: Send, number: NumberConfig): DeliveryFate {
    const fate = deliveryFate(config, send.phone, { mayFallBack: send.mayFallBack, onboarded: number.onboarded })
    if (!this.stopped.has(send.phone)) return fate
    return { facts: (fate.facts & (FACT.marketingLite | FACT.fallback)) | FACT.failed, failedCode: 131050 }
  }

  #pairError(config: SimulatorConfig, send: Send, at: number): GraphError | null {
    if (config.pairLimit === null) return null
    return this.#pairs.take(`${send.phoneNumberId}:${send.phone}`, at, config.pairLimit) ? null : { code: 131056 }
  }

  /** `null` for a number that is not served. */
  #laneOf(config: SimulatorConfig, phoneNumberId: string): Lane | null {
    if (config !== this.#followed) this.#follow(config)
    const known = this.#lanes.get(phoneNumberId)
    if (known !== undefined) return known
    const number = numberOf(config, phoneNumberId)
    if (number === null || phoneNumberId === '' || this.#lanes.size >= NUMBERS_MAX) return null
    const lane = { number, limiter: new SlidingLimiter(number.perSecond) }
    this.#lanes.set(phoneNumberId, lane)
    return lane
  }

  /** Lets changed numbers and limits take effect, without forgetting what was let through in the last second. */
  #follow(config: SimulatorConfig): void {
    this.#followed = config
    for (const [phoneNumberId, { limiter }] of this.#lanes) {
      const number = numberOf(config, phoneNumberId)
      if (number === null) {
        this.#lanes.delete(phoneNumberId)
        continue
      }
      limiter.resize(number.perSecond)
      this.#lanes.set(phoneNumberId, { number, limiter })
    }
  }
}

/** A phone number that is served, and its limit. */
type Lane = { readonly number: NumberConfig; readonly limiter: SlidingLimiter }

type Verdict = {
  readonly outcome: Outcome
  readonly error: GraphError | null
  /** `null` unless the message was taken. */
  readonly delivery: DeliveryFate | null
  readonly latencyMs: number
  readonly earlyStatus: boolean
}

/** Numbers that nobody configured are served too; without a bound, wrong ids would fill the memory. */
const NUMBERS_MAX = 1_000

const LEDGER_FULL: GraphError = {
  code: 2,
  details: "The simulator's ledger is full: reset it, or start it with a higher SIMULATOR_LEDGER_MAX.",
}

function refused(error: GraphError): Verdict {
  return { outcome: 'refused', error, delivery: null, latencyMs: 0, earlyStatus: false }
}

export function numberOf(config: SimulatorConfig, phoneNumberId: string): NumberConfig | null {
  return (Object.hasOwn(config.numbers, phoneNumberId) ? config.numbers[phoneNumberId] : null) ?? config.otherNumbers
}

const OUTAGES = {
  bare_503: ['bare_5xx', 'bare_5xx_unprocessed'],
  reset: ['reset', 'reset_unprocessed'],
  hang: ['hang', 'hang_unprocessed'],
} as const satisfies Record<string, readonly [Outcome, Outcome]>

function outage(config: SimulatorConfig, reading: Reading, lane: Lane | null): Verdict | null {
  if (config.outage === 'none') return null
  if (config.outage === 'graph_2') return refused({ code: 2 })
  if (config.outage === 'graph_131016') return refused({ code: 131016 })
  const [processed, unprocessed] = OUTAGES[config.outage]
  if (
    !reading.ok ||
    lane === null ||
    lotOf(config.seed, reading.send.phone, 0)(DRAW.outage) >= config.outageProcessedShare
  ) {
    return { ...refused({ code: 2 }), outcome: unprocessed, error: null }
  }
  const delivery = deliveryFate(config, reading.send.phone, {
    mayFallBack: reading.send.mayFallBack,
    onboarded: lane.number.onboarded,
  })
  return { outcome: processed, error: null, delivery, latencyMs: 0, earlyStatus: false }
}

function wrongNumber(number: NumberConfig): GraphError | null {
  if (number.blockedBy !== null) return { code: number.blockedBy }
  return number.maintenance ? { code: 131057 } : null
}

const TEMPLATE_CODES: Readonly<Record<TemplateState, number | null>> = {
  approved: null,
  paused: 132015,
  disabled: 132016,
  syncing: 134101,
  missing: 132001,
  not_marketing: 134100,
  violates_policy: 132007,
}

function wrongTemplate(config: SimulatorConfig, send: Send): GraphError | null {
  const template = Object.hasOwn(config.templates, send.template) ? config.templates[send.template] : undefined
  if (template === undefined) return null
  const code = TEMPLATE_CODES[template.state]
  if (code !== null) return { code }
  if (template.bodyParameters === null || template.bodyParameters === send.bodyParameters) return null
  return {
    code: 132000,
    details: `body: number of localizable_params (${send.bodyParameters}) does not match the expected number of params (${template.bodyParameters})`,
  }
}

function meetScript(scripted: ScriptedFate, attempt: number): Verdict {
  const answer = scripted.answers[attempt] ?? 'accepted'
  if (typeof answer === 'number') return refused({ code: answer })
  const facts = scripted.facts.reduce(
    (sum, fact) => sum | FACT[fact],
    FACT.marketingLite | (answer === 'held' ? FACT.held : 0),
  )
  const failedCode = scripted.facts.includes('failed') ? scripted.failedCode : null
  return {
    outcome: answer,
    error: null,
    delivery: isProcessed(answer) ? { facts, failedCode } : null,
    latencyMs: 0,
    earlyStatus: false,
  }
}
