import type { BenchRecipient } from '../recipients.ts'

/** The queue of the job-per-message baseline. */
export const PLAIN_QUEUE = 'plain-send'

/** What a plain sender puts into each job: all it takes to compose the message without another read. */
export type PlainJob = BenchRecipient & { readonly campaign: string; readonly ordinal: number }
