import { STATUSES } from '@chasqui/campaign'
import { DISPOSITIONS } from '@chasqui/delivery'
import { isCursor } from '@chasqui/store'
import { z } from 'zod'

import { DELIVERIES } from '../view.ts'

export const campaignParams = z.object({
  id: z.string().regex(/^[a-z0-9-]{1,64}$/, 'a campaign id has lower-case letters, digits and "-"'),
})

export const listQuery = z.strictObject({
  status: z.enum(STATUSES).optional(),
  cursor: z.string().refine(isCursor, { error: 'a cursor from an earlier answer is expected' }).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
})

export const uploadQuery = z.strictObject({
  unknownColumns: z
    .enum(['ignore', 'refuse'])
    .default('ignore')
    .describe(
      'what to do with columns that no placeholder uses: leave them out and name them in the answer, or refuse',
    ),
})

export const exportQuery = z.strictObject({
  disposition: z.enum(DISPOSITIONS).optional(),
  delivery: z.enum(DELIVERIES).optional(),
})

export const senderParams = z.object({ id: z.string().min(1).max(64) })

/** Why somebody orders something: shown to whoever asks later. */
export const reasonBody = z
  .strictObject({ reason: z.string().trim().min(1).max(300).optional().describe('why; shown to whoever asks later') })
  .nullish()

export const NO_REASON = 'no reason given'

export const suppressionParams = z.object({ phone: z.string().min(1).max(40) })

const count = z.int().min(0)
const instant = z.iso.datetime()

const head = {
  id: z.string(),
  name: z.string(),
  sender: z.string(),
  status: z.enum(STATUSES),
  reason: z.string().nullable(),
  parent: z.string().nullable(),
  createdAt: instant,
  startAt: instant.nullable(),
  launchedAt: instant.nullable(),
  endedAt: instant.nullable(),
  notAfter: instant.nullable().describe('no message is handed over after this'),
  recipientsUntil: instant.nullable().describe('when its recipients are deleted; null while it has not ended'),
}

const keyed = z.record(z.string(), count)
const decimal = z.string().regex(/^\d+\.\d{2,6}$/)

/** The answers, for the API's description. They are built from typed views and not parsed again on their way out. */
export const campaignAnswer = z.object({
  ...head,
  counts: z
    .object({ recipients: count, ...Object.fromEntries(DISPOSITIONS.map((name) => [name, count])) })
    .describe('disjoint; they add up to recipients'),
  delivery: z
    .object(Object.fromEntries(DELIVERIES.map((name) => [name, count])))
    .describe('of the accepted; sent ≥ delivered ≥ read'),
  errors: keyed.describe('recipients by the last error code of the endpoint'),
  unknown: z
    .object({
      callback_data: count,
      message_id: count,
      answer: count,
      resend: count,
      kept: count,
    })
    .describe(
      'lost answers by what settled them: a status, known by callback data or message id; the answer, late; sending again. kept: unknown now',
    ),
  duplicates: count.describe('recipients with two attempts that the endpoint is proven to have taken'),
  replies: z
    .object({ taps: count, messages: count, reactions: count })
    .describe('answers of its recipients, each counted once, for the latest campaign that has the person'),
  failures: z
    .array(z.object({ code: z.int(), count, meaning: z.string(), whatToDo: z.string() }))
    .describe('the same with words, the most first; code 0: Meta named none'),
  route: z
    .object({ marketing_lite: count, marketing: count })
    .describe("messages by the route that Meta's pricing names: MM Lite, or fallen back to Cloud API"),
  cost: z
    .object({
      currency: z.string().nullable(),
      amount: decimal.nullable().describe('of the messages that have a price'),
      billable: count.describe('delivered messages that Meta bills, once each'),
      unpriced: count.describe('of them: the rate card has no price for them'),
      free: count.describe('delivered messages that Meta says are free'),
      untold: count.describe('delivered messages whose pricing Meta has not told'),
      items: z.array(
        z.object({
          category: z.string(),
          country: z.string().describe('ISO 3166; ZZ: not known'),
          messages: count,
          price: decimal.nullable().describe('of one message'),
          amount: decimal.nullable(),
        }),
      ),
    })
    .describe(
      'by the rate card of the operator, at the prices of the launch; currency and amounts are null without one',
    ),
  intake: z.object({
    rows: count,
    accepted: count,
    duplicates: count,
    rejected: count,
    reasons: keyed,
    warnings: keyed,
  }),
  forecast: z.object({ finishAt: instant.nullable(), limitedBy: z.string() }),
  runs: z.array(z.object({ id: z.string(), at: instant })),
  spec: z.record(z.string(), z.unknown()),
})

export const campaignList = z.object({
  campaigns: z.array(z.object({ ...head, counts: z.object({ recipients: count }) })),
  cursor: z.string().nullable(),
})

export const recountAnswer = z.object({
  campaign: z.string(),
  equal: z.boolean(),
  differences: z.array(
    z.object({
      field: z.string().describe('the counter'),
      counted: count.describe('what it says'),
      inLedger: count.describe('what the recipients, counted one by one, say'),
    }),
  ),
})

const rejection = z.object({
  line: z.int().describe('of the body, from 1'),
  reason: z.string(),
  column: z.string().nullable(),
  message: z.string(),
})

export const uploadAnswer = z.object({
  rows: count,
  accepted: count,
  duplicates: count,
  rejected: count,
  reasons: keyed,
  warnings: keyed,
  ignoredColumns: z.array(z.string()),
  rejections: z.array(rejection).describe('the first hundred'),
})

export const problemAnswer = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('stable: what programs act on'),
    detail: z.string(),
    errors: z
      .array(z.object({ pointer: z.string().optional(), parameter: z.string().optional(), detail: z.string() }))
      .optional(),
  })
  .describe('RFC 9457 problem document')

const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problemAnswer } },
})

/** Problems that any call may answer. */
export const problems = {
  400: problem('the request is wrong; `errors` point at the fields'),
  401: problem('no known key'),
  503: problem('Redis is away, refuses writes, or has no room for anything new; try again after `Retry-After` seconds'),
}

export const moreProblems = {
  404: problem('there is no such thing'),
  409: problem('it is not in a state for this'),
  415: problem('the body is in a form that is not understood'),
}

export function answer<S extends z.ZodType>(description: string, schema: S) {
  return { description, content: { 'application/json': { schema } } }
}
