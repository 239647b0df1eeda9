import { z } from 'zod'

import { cronProblem } from './cron.ts'
import { notAfterOf } from './deadline.ts'
import { brokenPlaceholder, placeholderColumns } from './placeholder.ts'

/** Components are Meta's to define and change; what we bound is their size, for every message carries them. */
const COMPONENTS_BYTES_MAX = 32_768
const TTL_SECONDS_MIN = 43_200
const TTL_SECONDS_MAX = 2_592_000

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

const instant = z.iso.datetime({
  offset: true,
  error: 'an instant with its offset is expected, as in 2026-11-27T09:00:00-03:00',
})

const component = z.record(z.string(), z.json()).refine((value) => typeof value['type'] === 'string', {
  error: 'a component needs a "type", as in { "type": "body", "parameters": [ … ] }',
})

const components = z
  .array(component)
  .max(32)
  .refine((value) => JSON.stringify(value).length <= COMPONENTS_BYTES_MAX, {
    error: `components are larger than ${COMPONENTS_BYTES_MAX} characters`,
  })
  .superRefine((value, context) => {
    const broken = brokenPlaceholder(value)
    if (broken !== null)
      context.addIssue({
        code: 'custom',
        message: `braces that are no {{column}}: "${broken.slice(0, 80)}"`,
        input: value,
      })
    if (placeholderColumns(value).includes('to')) {
      context.addIssue({
        code: 'custom',
        message: '{{to}} would show people their own number: use another column',
        input: value,
      })
    }
  })

const template = z.strictObject({
  name: z.string().regex(/^[a-z0-9_]{1,512}$/, 'a template name has lower-case letters, digits and underscores'),
  language: z.string().regex(/^[a-z]{2,3}(_[A-Za-z]{2,4})?$/, 'a language is written as in pt_BR, en or zh_CN'),
  components: components.default([]),
})

const schedule = z
  .strictObject({
    startAt: instant.optional(),
    cron: z.string().max(128).optional(),
    timezone: z.string().max(64).optional(),
  })
  .superRefine((value, context) => {
    const issue = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message, input: value })
    if ((value.startAt === undefined) === (value.cron === undefined))
      issue('startAt', 'a schedule has either "startAt" or "cron" with "timezone"')
    if (value.cron === undefined) {
      if (value.timezone !== undefined)
        issue('timezone', 'a time zone goes with "cron"; "startAt" carries its own offset')
      return
    }
    const problem = cronProblem(value.cron)
    if (problem !== null) issue('cron', problem)
    if (value.timezone === undefined) issue('timezone', 'a time zone is needed with "cron", as in America/Sao_Paulo')
    else if (!isTimezone(value.timezone))
      issue('timezone', `"${value.timezone}" is not an IANA time zone, as in America/Sao_Paulo`)
  })

/** A campaign as upstream sends it (contract.md). Nothing it does not know is let through: a misspelt deadline must not pass. */
export const campaignSpecSchema = z
  .strictObject({
    name: z
      .string()
      .trim()
      .min(1, 'a name is needed')
      .max(200)
      .refine((name) => !CONTROL.test(name), { error: 'a name has no control characters' }),
    sender: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'a sender id has letters, digits, "_" and "-", at most 64'),
    template,
    /** The TTL that the template was created with. Meta has no such field on a message: it is told, not set, here. */
    templateTtlSeconds: z
      .int()
      .min(TTL_SECONDS_MIN, `a marketing template lives ${TTL_SECONDS_MIN} s (12 h) at least`)
      .max(TTL_SECONDS_MAX, `a marketing template lives ${TTL_SECONDS_MAX} s (30 d) at most`)
      .optional(),
    sendBy: instant.optional(),
    deliverBy: instant.optional(),
    schedule: schedule.optional(),
    productPolicy: z.enum(['STRICT', 'CLOUD_API_FALLBACK']).default('STRICT'),
    messageActivitySharing: z.boolean().optional(),
    onUnknown: z.enum(['keep', 'resend']).default('keep'),
    priority: z.enum(['low', 'normal', 'high']).default('normal'),
    /** Take numbers of the United States all the same. Meta answers each with 131049: the marketing endpoint never delivers there. */
    sendToUnitedStates: z.boolean().optional(),
    /**
     * How often a person whom Meta refuses with 131049 (enough marketing for now) is tried again, each time a day later or
     * more, never past the last safe moment. Absent: such a refusal is final.
     */
    ecosystemLimitRetries: z.int().min(1).max(3, 'a person is tried again three times at most').optional(),
  })
  .superRefine((spec, context) => {
    const issue = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message, input: spec })
    if (spec.deliverBy !== undefined && spec.templateTtlSeconds === undefined) {
      issue(
        'templateTtlSeconds',
        'is needed with "deliverBy": a message is not handed over later than deliverBy minus the TTL',
      )
    }
    const notAfter = notAfterOf(spec)
    const startAt = spec.schedule?.startAt
    if (startAt !== undefined && notAfter !== null && Date.parse(startAt) >= notAfter) {
      issue(
        'schedule',
        `starts at or after the last moment a message may be handed over (${new Date(notAfter).toISOString()})`,
      )
    }
  })

/** A validated campaign. */
export type CampaignSpec = z.output<typeof campaignSpecSchema>

/** What is wrong with a campaign, each with a JSON pointer (RFC 6901) to the field. */
export type SpecProblem = { readonly pointer: string; readonly message: string }

export type SpecReading =
  | { readonly kind: 'spec'; readonly spec: CampaignSpec }
  | { readonly kind: 'refused'; readonly problems: readonly SpecProblem[] }

export function readSpec(input: unknown): SpecReading {
  const result = campaignSpecSchema.safeParse(input)
  if (result.success) return { kind: 'spec', spec: result.data }
  return { kind: 'refused', problems: problemsOf(result.error) }
}

/** zod's issues as pointers; an unknown key is pointed at itself, not at the object that holds it. */
export function problemsOf(error: z.core.$ZodError): SpecProblem[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ pointer: pointerOf([...issue.path, key]), message: 'is not known here' }))
    }
    return [{ pointer: pointerOf(issue.path), message: issue.message }]
  })
}

/** The columns a campaign's placeholders need, in order of appearance. */
export function columnsOf(spec: CampaignSpec): string[] {
  return placeholderColumns(spec.template.components)
}

function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone.length > 0
  } catch {
    return false
  }
}
