import { FACT } from '@chasqui/delivery'
import type { Lesson, Outcome } from '@chasqui/delivery'

import { pick } from '../random.ts'
import type { Random } from '../random.ts'
import { TIMES } from './rules.ts'
import type { Rules } from './rules.ts'

/** What the sender hears, and when, ms from now. `null`: nothing before it gives up. */
export type Reply = { readonly outcome: Outcome; readonly afterMs: number }

/** A status on its way to the status-worker. */
export type Webhook = { readonly lesson: Lesson; dueAt: number; readonly eventAt: number }

const ACCEPTED: Outcome = { kind: 'accepted', messageId: 'm', held: false }
const LOST: Outcome = { kind: 'lost', reason: 'simulated' }
/** Reject, pair limit, throughput, overload, opt-out, "something went wrong" (not sent here), enough marketing for now. */
const CODES = [131026, 131056, 130429, 131016, 131050, 131000, 131049] as const

/** The witness: what was asked of it, and the truth about it. */
export class ModelEndpoint {
  /** Messages taken, by ordinal. */
  readonly taken: Uint8Array
  /** When each request began, ms. */
  readonly posts: number[] = []
  readonly webhooks: Webhook[] = []
  readonly #rules: Rules
  readonly #random: Random

  constructor(rules: Rules, random: Random, ordinals: number) {
    this.#rules = rules
    this.#random = random
    this.taken = new Uint8Array(ordinals)
  }

  receive(ordinal: number, attempt: number, now: number): Reply {
    this.posts.push(now)
    const { lostProcessed, lostUnprocessed, refused } = this.#rules
    const lot = this.#random()
    if (lot < refused) return { outcome: refusal(pick(this.#random, CODES)), afterMs: this.#random() * 500 }
    if (lot < refused + lostUnprocessed) return this.#silence()
    this.taken[ordinal] = (this.taken[ordinal] ?? 0) + 1
    this.#report(ordinal, attempt, now)
    if (lot < refused + lostUnprocessed + lostProcessed) return this.#silence()
    return { outcome: ACCEPTED, afterMs: this.#random() * 1_000 }
  }

  /** A reset soon, or nothing at all. */
  #silence(): Reply {
    return { outcome: LOST, afterMs: this.#random() < 0.5 ? this.#random() * 500 : TIMES.requestTimeout }
  }

  #report(ordinal: number, attempt: number, now: number): void {
    const failed = this.#random() < 0.1
    const told = failed ? [FACT.sent, FACT.failed] : [FACT.sent, FACT.delivered, FACT.read]
    for (const [index, facts] of told.entries()) {
      // Some statuses Meta never sends (`delivered` where `read` says it); the first of a message it does.
      if (index > 0 && this.#random() < 0.2) continue
      const eventAt = now + this.#random() * 200
      const lesson = { ordinal, attempt, facts, errorCode: facts === FACT.failed ? 131026 : 0 }
      const times = this.#random() < this.#rules.webhookDoubled ? 2 : 1
      for (let time = 0; time < times; time++) {
        if (this.#random() < this.#rules.webhookLost) continue
        const { webhookLagMs, webhookDelayMs } = this.#rules
        this.webhooks.push({ lesson, eventAt, dueAt: eventAt + webhookLagMs + this.#random() * webhookDelayMs })
      }
    }
  }
}

function refusal(code: number): Outcome {
  return { kind: 'refused', code, httpStatus: code === 131000 ? 500 : 400, details: '', waitMs: null }
}
