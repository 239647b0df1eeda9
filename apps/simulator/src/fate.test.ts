import fc from 'fast-check'
import { expect, test } from 'vitest'
import { defaultConfig, patchConfig } from './config.ts'
import type { SimulatorConfig } from './config.ts'
import { FACT } from './fact.ts'
import { attemptFate, deliveryFate } from './fate.ts'
import { presetPatch } from './preset.ts'

const PHONES = Array.from({ length: 50_000 }, (_, i) => 5_511_900_000_000 + i * 7)
const OPEN = { mayFallBack: true, onboarded: true }

function configured(...patches: readonly object[]): SimulatorConfig {
  return patches.reduce((config: SimulatorConfig, patch) => {
    const result = patchConfig(config, patch)
    if (!result.ok) throw new Error(JSON.stringify(result.issues))
    return result.config
  }, defaultConfig())
}

function share(of: readonly number[], holds: (phone: number) => boolean): number {
  return of.filter(holds).length / of.length
}

test('the same seed gives the same recipient the same fate, in any order', () => {
  const config = configured(presetPatch('storm'), { seed: 77 })
  const fates = (phones: readonly number[]): Map<number, unknown> =>
    new Map(
      phones.map((phone) => [
        phone,
        [attemptFate(config, phone, 0), attemptFate(config, phone, 1), deliveryFate(config, phone, OPEN)],
      ]),
    )
  const some = PHONES.slice(0, 2_000)
  const there = fates(some)
  const back = fates([...some].reverse())
  for (const phone of some) expect(back.get(phone)).toEqual(there.get(phone))
})

test('another seed gives other fates', () => {
  const reads = (seed: number): string =>
    PHONES.slice(0, 200)
      .map((phone) => deliveryFate(configured({ seed }), phone, OPEN).facts)
      .join()
  expect(reads(1)).not.toBe(reads(2))
})

test('a refusal belongs to the recipient, a stumble and a lost answer to the attempt', () => {
  const config = configured({ answers: { rejectedShare: 0.2, stumbleShare: 0.2, lostShare: 0.2 } })
  const both = PHONES.map((phone) => [attemptFate(config, phone, 0), attemptFate(config, phone, 1)] as const)
  expect(both.every(([first, second]) => first.rejected === second.rejected)).toBe(true)
  // Independent draws: 0.2 * 0.2 of the recipients meet each twice.
  expect(
    both.filter(([first, second]) => first.stumble !== null && second.stumble !== null).length / both.length,
  ).toBeCloseTo(0.04, 2)
  expect(
    both.filter(([first, second]) => first.lost !== null && second.lost !== null).length / both.length,
  ).toBeCloseTo(0.04, 2)
})

test('shares are met', () => {
  const config = configured(presetPatch('demo'))
  const facts = new Map(
    PHONES.map((phone) => [phone, deliveryFate(config, phone, { mayFallBack: false, onboarded: true })]),
  )
  const has =
    (fact: number) =>
    (phone: number): boolean =>
      ((facts.get(phone)?.facts ?? 0) & fact) !== 0
  expect(share(PHONES, (phone) => attemptFate(config, phone, 0).rejected !== null)).toBeCloseTo(0.02, 2)
  expect(share(PHONES, (phone) => attemptFate(config, phone, 0).lost !== null)).toBeCloseTo(0.003, 3)
  expect(share(PHONES, has(FACT.failed))).toBeCloseTo(0.03, 2)
  const delivered = PHONES.filter((phone) => has(FACT.delivered)(phone) || has(FACT.read)(phone))
  expect(share(delivered, has(FACT.read))).toBeCloseTo(0.4, 1)
  expect(share(delivered.filter(has(FACT.read)), (phone) => !has(FACT.delivered)(phone))).toBeCloseTo(0.1, 1)
  expect(PHONES.some(has(FACT.fallback))).toBe(false)
})

test('facts never contradict each other', () => {
  const config = configured(presetPatch('storm'))
  fc.assert(
    fc.property(
      fc.integer({ min: 10_000_000, max: 999_999_999_999_999 }),
      fc.boolean(),
      fc.boolean(),
      (phone, mayFallBack, onboarded) => {
        const { facts, failedCode } = deliveryFate(config, phone, { mayFallBack, onboarded })
        const failed = (facts & FACT.failed) !== 0
        const ways = ((facts & FACT.marketingLite) !== 0 ? 1 : 0) + ((facts & FACT.fallback) !== 0 ? 1 : 0)
        const unread = (facts & FACT.read) === 0 || !failed
        return failed === (failedCode !== null) && ways === 1 && unread && (onboarded || (facts & FACT.fallback) !== 0)
      },
    ),
  )
})
