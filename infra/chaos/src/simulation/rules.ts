import { between, pick } from '../random.ts'
import type { Random } from '../random.ts'

/** What a simulated world is like; drawn from its seed. Times in ms. */
export type Rules = {
  readonly recipients: number
  readonly onUnknown: 'keep' | 'resend'
  /** Last safe moment, from the world's beginning; `null`: none. */
  readonly notAfter: number | null
  /** The sender's limit, messages a second. */
  readonly limit: number
  readonly workers: number
  /** Shares of answers. What remains is accepted and told. */
  readonly lostProcessed: number
  readonly lostUnprocessed: number
  readonly refused: number
  /** How often the campaign tries a person again a day after 131049. */
  readonly ecosystemLimitRetries: number
  /** Status webhooks come within this. */
  readonly webhookDelayMs: number
  /** All of them are late by this, as when Meta's own queue is long. */
  readonly webhookLagMs: number
  readonly webhookLost: number
  readonly webhookDoubled: number
  /** How likely a step is a fault rather than work. */
  readonly trouble: number
  readonly faults: readonly Fault[]
}

export const FAULTS = [
  'crash',
  'freeze',
  'cut',
  'skew',
  'pause',
  'pause_sender',
  'cancel',
  'opt_out',
  'status_worker_down',
  'rollback',
] as const
export type Fault = (typeof FAULTS)[number]

/** The times of the real system, shortened where only their relation matters. */
export const TIMES = {
  claimPatience: 2_000,
  lease: 6_000,
  requestTimeout: 3_000,
  margin: 1_000,
  commandTimeout: 5_000,
  resendWindow: 10_000,
  flow: 5_000,
  giveUp: 3_600_000,
  attemptsMax: 4,
  beatEvery: 500,
  sweepEvery: 2_000,
  noteReceiverEvery: 1_000,
  receiverGap: 4_000,
  horizon: 150,
  lead: 10,
} as const

/** Rows a chunk: small, so that a world of a few recipients has several. */
export const CHUNK_ROWS = 4

export function drawRules(random: Random, withFaults: readonly Fault[]): Rules {
  const onUnknown = random() < 0.5 ? 'keep' : 'resend'
  // With resend, only prompt webhooks make "never twice" a law: else it is a bound (a status that comes after the window).
  const prompt = onUnknown === 'resend'
  return {
    recipients: between(random, 3, 10),
    onUnknown,
    notAfter: random() < 0.4 ? between(random, 500, 15_000) : null,
    limit: pick(random, [5, 20, 100, 1_000]),
    workers: between(random, 1, 3),
    lostProcessed: random() < 0.6 ? random() * 0.4 : 0,
    lostUnprocessed: random() < 0.6 ? random() * 0.3 : 0,
    refused: random() < 0.5 ? random() * 0.4 : 0,
    ecosystemLimitRetries: pick(random, [0, 0, 1, 2]),
    webhookDelayMs: prompt ? pick(random, [1_500, 4_500]) : pick(random, [100, 2_000, 30_000]),
    webhookLost: prompt || random() < 0.6 ? 0 : random() * 0.5,
    webhookDoubled: random() * 0.5,
    trouble: pick(random, [0.02, 0.06, 0.15]),
    // Each world knows some of the faults: all at once hide what two of them do together.
    faults: withFaults.filter(() => random() < 0.5),
    webhookLagMs: pick(random, [0, 0, 7_000, 12_000, 30_000]),
  }
}
