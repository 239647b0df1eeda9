import { z } from 'zod'
import { GRAPH_CODES } from './graph-error.ts'
import { isObject } from './json.ts'
import type { JsonObject } from './json.ts'
import { LOST_KINDS } from './lost.ts'

const DAY_MS = 86_400_000

const share = z.number().min(0).max(1)
const ms = z.number().int().min(0).max(DAY_MS)
const between = z
  .tuple([ms, ms])
  .refine(([least, most]) => least <= most, { error: 'the first may not be above the second' })
const code = z
  .number()
  .int()
  .refine((value) => value in GRAPH_CODES, { error: 'not a Graph code this endpoint knows' })
/** Alternatives, each as likely as the others; name one twice to make it twice as likely. */
const codes = z.array(code).min(1).max(100)
const perSecond = z.number().int().min(1).max(1_000_000)
const phoneNumberId = z.string().regex(/^\d{5,20}$/, { error: 'a phone number id is 5 to 20 digits' })

const number = z.strictObject({
  /** Messages in any sliding second; above it 130429. */
  perSecond: perSecond.default(80),
  wabaId: z
    .string()
    .regex(/^\d{5,20}$/)
    .default('102290129340398'),
  displayPhoneNumber: z
    .string()
    .regex(/^\d{7,15}$/)
    .default('15550783881'),
  /** Whether the account signed the terms: if not, sends fall back to Cloud API, and `STRICT` is refused. */
  onboarded: z.boolean().default(true),
  /** 131057 as long as it is true. */
  maintenance: z.boolean().default(false),
  /** Refuse everything on this number with this code: 368, 131031, 131042, 133010 … */
  blockedBy: code.nullable().default(null),
})

const template = z.strictObject({
  /** What a send of it gets: nothing, 132015, 132016, 134101, 132001, 134100, 132007. */
  state: z
    .enum(['approved', 'paused', 'disabled', 'syncing', 'missing', 'not_marketing', 'violates_policy'])
    .default('approved'),
  /** Number of body parameters; another number gets 132000. `null`: not checked. */
  bodyParameters: z.number().int().min(0).max(100).nullable().default(null),
})

const answers = z.strictObject({
  /** Lognormal; 0 answers at once. */
  latencyP50Ms: ms.default(0),
  latencyP95Ms: ms.default(0),
  latencyMaxMs: ms.default(30_000),
  /** Recipients that are refused for good, always with the same code. */
  rejectedShare: share.default(0),
  rejectedCodes: codes.default([131021, 132012, 132012, 131009, 135000]),
  /** Attempts that are refused although a later one may pass: drawn anew for each attempt. */
  stumbleShare: share.default(0),
  stumbleCodes: codes.default([131016, 131016, 133004, 2]),
  /** Attempts whose answer gets lost: drawn anew for each attempt. */
  lostShare: share.default(0),
  lostKinds: z
    .array(z.enum(LOST_KINDS))
    .min(1)
    .max(100)
    .default([...LOST_KINDS]),
  hangMs: ms.default(60_000),
  /** Messages taken as `held_for_quality_assessment`; later released, or dropped with 132015. */
  heldShare: share.default(0),
  heldDroppedShare: share.default(0.2),
  heldForMs: ms.default(1_000),
  /** Messages whose first status is acknowledged before their answer leaves. */
  earlyStatusShare: share.default(0),
})

const delivery = z.strictObject({
  failedShare: share.default(0),
  failedCodes: codes.default([131026, 131026, 131026, 131049, 131049, 131050, 130472]),
  /** Of the failed: also told `sent`. */
  sentBeforeFailedShare: share.default(0.5),
  /** Of the failed: delivered all the same, as happens with several devices. */
  deliveredAlthoughFailedShare: share.default(0),
  /** Of those that did not fail; the rest stays `sent` for ever, as when the template's TTL drops them. */
  deliveredShare: share.default(1),
  /** Of the delivered. */
  readShare: share.default(0.4),
  /** Of the read: no `delivered` is ever told. */
  readWithoutDeliveredShare: share.default(0),
  /** Of messages that allow it (`product_policy` other than STRICT): sent over Cloud API after all. */
  fallbackShare: share.default(0),
})

const webhooks = z.strictObject({
  /** Where statuses are posted; `null` posts none (they count as lost). */
  url: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .default(null),
  /** Keeps everything back until it is false again. */
  paused: z.boolean().default(false),
  /** Each status after the one before it, in milliseconds: [least, most]. */
  sentAfterMs: between.default([0, 50]),
  deliveredAfterMs: between.default([10, 200]),
  readAfterMs: between.default([10, 500]),
  failedAfterMs: between.default([10, 200]),
  /** Messages whose statuses come in any order. */
  shuffledShare: share.default(0),
  /** Statuses posted twice. */
  duplicateShare: share.default(0),
  duplicateAfterMs: between.default([0, 500]),
  /** Statuses that never come. */
  lostShare: share.default(0),
  batchMin: z.number().int().min(1).max(1000).default(1),
  batchMax: z.number().int().min(1).max(1000).default(50),
  /** How long statuses may wait for company. */
  flushMs: z.number().int().min(1).max(60_000).default(20),
  /** Bodies in flight at once. */
  concurrency: z.number().int().min(1).max(256).default(8),
  timeoutMs: z.number().int().min(10).max(120_000).default(10_000),
  retryBaseMs: z.number().int().min(1).max(DAY_MS).default(100),
  retryMaxMs: z.number().int().min(1).max(DAY_MS).default(5_000),
  retriesMax: z.number().int().min(0).max(250).default(250),
  /** Statuses waiting at most; what comes on top is dropped and counted. */
  pendingMax: z.number().int().min(1).max(20_000_000).default(5_000_000),
  /** Shapes: messages with v23's `conversation`; the others are v24's. */
  v23Share: share.default(0.3),
  withoutPricingShare: share.default(0),
  stringCodeShare: share.default(0),
  withoutRecipientShare: share.default(0),
  withoutCallbackDataShare: share.default(0),
  /** An extra status with a word nobody documents, beside the real ones. */
  unknownStatusShare: share.default(0),
})

const config = z
  .strictObject({
    seed: z
      .number()
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .default(1),
    /** Accepted bearer tokens. */
    tokens: z.array(z.string().min(1)).min(1).max(100).default(['simulator-token']),
    /** Every token gets 190. */
    tokensExpired: z.boolean().default(false),
    /** Whether `biz_opaque_callback_data` is known to this endpoint: echoed, refused with 100, or silently dropped. */
    callbackData: z.enum(['echo', 'refuse', 'drop']).default('echo'),
    /** Everything fails in this way, before anything else is looked at. */
    outage: z.enum(['none', 'bare_503', 'graph_2', 'graph_131016', 'reset', 'hang']).default('none'),
    /** Of what an outage hits: processed all the same. Graph errors never are. */
    outageProcessedShare: share.default(0),
    /** Messages to one recipient from one number; above it 131056. `null`: not limited. */
    pairLimit: z
      .strictObject({ everyMs: ms.default(6_000), burst: z.number().int().min(1).max(1_000).default(45) })
      .nullable()
      .default(null),
    /** Numbers that are not listed here: served with these settings, or refused with code 33 when `null`. */
    otherNumbers: number.nullable().default(() => number.parse({})),
    numbers: z.record(phoneNumberId, number).default({}),
    templates: z.record(z.string().regex(/^[a-z0-9_]{1,512}$/), template).default({}),
    answers: answers.default(() => answers.parse({})),
    delivery: delivery.default(() => delivery.parse({})),
    webhooks: webhooks.default(() => webhooks.parse({})),
  })
  .refine((value) => value.webhooks.batchMin <= value.webhooks.batchMax, {
    error: 'batchMin may not be above batchMax',
    path: ['webhooks', 'batchMin'],
  })

/** Everything that can be changed while the simulator runs. */
export type SimulatorConfig = z.infer<typeof config>
export type NumberConfig = z.infer<typeof number>
export type TemplateState = z.infer<typeof template>['state']

/** Part of a configuration: objects are merged, key by key and at any depth; everything else, arrays too, is replaced. */
export type ConfigPatch = JsonObject

export type ConfigIssue = { readonly path: string; readonly found: unknown; readonly message: string }

export type PatchResult =
  | { readonly ok: true; readonly config: SimulatorConfig }
  | { readonly ok: false; readonly issues: readonly ConfigIssue[] }

/** What a number gets that nobody configured. */
export const PLAIN_NUMBER: NumberConfig = number.parse({})

export function defaultConfig(): SimulatorConfig {
  return config.parse({})
}

/** All or nothing: a patch with one wrong value changes nothing. */
export function patchConfig(current: SimulatorConfig, patch: unknown): PatchResult {
  if (!isObject(patch)) return { ok: false, issues: [{ path: '', found: patch, message: 'a JSON object is expected' }] }
  const merged = mergePatch(current, patch)
  const result = config.safeParse(merged)
  if (result.success) return { ok: true, config: result.data }
  return {
    ok: false,
    issues: result.error.issues.map((issue) => ({
      path: issue.path.join('.'),
      found: issue.path.reduce<unknown>(
        (value, key) => (isObject(value) || Array.isArray(value) ? Reflect.get(value, key) : undefined),
        merged,
      ),
      message: issue.message,
    })),
  }
}

/** `Object.fromEntries` defines keys rather than assigning them, so `__proto__` is only a key (and an unknown one). */
function mergePatch(target: unknown, patch: ConfigPatch): JsonObject {
  const base = isObject(target) ? target : {}
  const changed = Object.entries(patch).map(([key, value]): [string, unknown] => [
    key,
    isObject(value) ? mergePatch(Object.hasOwn(base, key) ? base[key] : {}, value) : value,
  ])
  return { ...base, ...Object.fromEntries(changed) }
}
