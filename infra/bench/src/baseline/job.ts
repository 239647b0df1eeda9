import type { BenchRecipient } from '../recipients.ts'

/** The queue of the job-per-message baseline. */
export const PLAIN_QUEUE = 'plain-send'

/** What a plain sender puts into each job: all it takes to compose the message without another read. */
export type PlainJob = BenchRecipient & { readonly campaign: string; readonly ordinal: number }

/** The queue and the counters of the job-per-event baseline. */
export const EVENT_QUEUE = 'plain-status'
export const PLAIN_COUNTS = 'plain-counts'

/** A status as Meta sends it, as far as the baseline looks at it. */
export type PlainStatus = { readonly id: string; readonly status: string }
