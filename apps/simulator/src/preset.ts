import { defaultConfig, patchConfig } from './config.ts'
import { LOST_KINDS } from './lost.ts'
import type { ConfigPatch } from './config.ts'

/** Named behaviours, as patches of the defaults. */
export const PRESETS = {
  /** Everything is taken at once and arrives in order. */
  calm: {},

  /** A good day at the real endpoint, with time compressed: all statuses are out about two seconds after the answers. */
  demo: {
    answers: {
      latencyP50Ms: 30,
      latencyP95Ms: 90,
      latencyMaxMs: 500,
      rejectedShare: 0.02,
      // Final ones only: a sender that waits ten minutes before it tries 131009 again is right, and a demo has no time.
      rejectedCodes: [131021, 132012, 132012, 131026],
      stumbleShare: 0.005,
      lostShare: 0.003,
      lostKinds: [
        'reset',
        'reset',
        'reset',
        'hang',
        'truncated',
        'unreadable',
        'bare_5xx',
        'reset_unprocessed',
        'reset_unprocessed',
      ],
      hangMs: 1_500,
      earlyStatusShare: 0.01,
    },
    delivery: {
      failedShare: 0.03,
      deliveredShare: 0.97,
      readShare: 0.4,
      readWithoutDeliveredShare: 0.1,
      fallbackShare: 0.02,
    },
    webhooks: {
      sentAfterMs: [0, 300],
      deliveredAfterMs: [20, 600],
      readAfterMs: [20, 800],
      failedAfterMs: [20, 600],
      shuffledShare: 0.3,
      duplicateShare: 0.2,
      duplicateAfterMs: [0, 300],
      batchMax: 100,
      v23Share: 0.3,
      stringCodeShare: 0.2,
    },
  },

  /** Everything at once that the endpoint has ever been seen to do. Nothing here is impossible on one bad day. */
  storm: {
    answers: {
      latencyP50Ms: 60,
      latencyP95Ms: 600,
      latencyMaxMs: 3_000,
      rejectedShare: 0.05,
      stumbleShare: 0.1,
      lostShare: 0.02,
      // Every kind, the milder ones of connection trouble more often.
      lostKinds: [...LOST_KINDS, 'reset', 'reset', 'reset_unprocessed', 'reset_unprocessed', 'bare_5xx_unprocessed'],
      hangMs: 3_000,
      heldShare: 0.03,
      heldDroppedShare: 0.3,
      earlyStatusShare: 0.1,
    },
    delivery: {
      failedShare: 0.08,
      deliveredAlthoughFailedShare: 0.1,
      deliveredShare: 0.9,
      readShare: 0.5,
      readWithoutDeliveredShare: 0.3,
      fallbackShare: 0.1,
    },
    webhooks: {
      sentAfterMs: [0, 1_000],
      deliveredAfterMs: [0, 2_000],
      readAfterMs: [0, 2_000],
      failedAfterMs: [0, 2_000],
      shuffledShare: 1,
      duplicateShare: 0.5,
      duplicateAfterMs: [0, 3_000],
      batchMax: 1_000,
      flushMs: 50,
      v23Share: 0.5,
      withoutPricingShare: 0.05,
      stringCodeShare: 0.3,
      withoutRecipientShare: 0.05,
      unknownStatusShare: 0.02,
    },
  },
} as const satisfies Record<string, ConfigPatch>

export type PresetName = keyof typeof PRESETS

export const PRESET_NAMES = Object.keys(PRESETS) as readonly PresetName[] as readonly [PresetName, ...PresetName[]]

/**
 * The patch that switches a running simulator to a preset: how it answers, delivers and posts. Its numbers, templates,
 * tokens, seed and webhook address stay.
 */
export function presetPatch(name: PresetName): ConfigPatch {
  const result = patchConfig(defaultConfig(), PRESETS[name])
  if (!result.ok) throw new Error(`The preset ${name} is not a valid configuration: ${JSON.stringify(result.issues)}`)
  const { answers, delivery, webhooks } = result.config
  const { url: _url, ...posting } = webhooks
  return { answers, delivery, webhooks: posting, outage: 'none', tokensExpired: false }
}
