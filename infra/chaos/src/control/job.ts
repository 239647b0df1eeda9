/** The queue of the control group, and what a job of it carries. */
export const PLAIN_QUEUE = 'plain-send'
export const PLAIN_CAMPAIGN = 'plain'

export type PlainJob = { readonly to: string; readonly ordinal: number }
