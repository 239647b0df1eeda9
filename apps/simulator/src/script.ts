import { z } from 'zod'
import { GRAPH_CODES } from './graph-error.ts'
import { LOST_KINDS } from './lost.ts'

/**
 * The fate of one recipient, laid down by a test in place of chance. `answers` are taken one an attempt; what lies
 * past their end is `accepted`. `facts` say what happens once it is taken.
 */
const scriptedFate = z.strictObject({
  answers: z
    .array(
      z.union([
        z.enum(['accepted', 'held', ...LOST_KINDS]),
        // Any code: how a sender takes one that nobody has heard of is worth a script, too.
        z.number().int().nonnegative().max(99_999_999),
      ]),
    )
    .max(50)
    .default([]),
  facts: z.array(z.enum(['sent', 'delivered', 'read', 'failed'])).default(['sent', 'delivered']),
  failedCode: z
    .number()
    .int()
    .refine((code) => code in GRAPH_CODES)
    .default(131026),
})

/** Recipient, `+` and digits -> its fate. */
export const scriptedFates = z.record(
  z.string().regex(/^\+[1-9]\d{6,14}$/, { error: 'a recipient is + and 7 to 15 digits' }),
  scriptedFate,
)

export type ScriptedFate = z.infer<typeof scriptedFate>
