import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { grantPermits, newPermits, PERMIT_LATE_US, PERMIT_MARGIN_US } from './permits.ts'
import type { Permits, ToldGrant } from './permits.ts'

const BEGIN = 1_700_000_000_000_000
const SECOND = 1_000_000

type Step = {
  /** Who asks. */
  readonly process: number
  readonly passUs: number
  readonly wanted: number
  readonly leadMs: number
  readonly horizonMs: number
  /** How late each message leaves, as a share of what is allowed. */
  readonly late: number
  /** How many of the slots are used. */
  readonly used: number
  /** Never tells what it used: it has died. */
  readonly dies: boolean
  /** What it tells, it tells again. */
  readonly again: boolean
}

const step: fc.Arbitrary<Step> = fc.record({
  process: fc.nat(3),
  passUs: fc.oneof(
    { weight: 8, arbitrary: fc.nat(150_000) },
    { weight: 1, arbitrary: fc.integer({ min: 150_000, max: 2_500_000 }) },
  ),
  wanted: fc.integer({ min: 1, max: 60 }),
  leadMs: fc.oneof({ weight: 6, arbitrary: fc.constant(12) }, { weight: 1, arbitrary: fc.nat(300) }),
  horizonMs: fc.oneof(
    { weight: 6, arbitrary: fc.constant(250) },
    { weight: 1, arbitrary: fc.integer({ min: 250, max: 1_500 }) },
  ),
  late: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0.01) },
    { weight: 3, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
  ),
  used: fc.oneof(
    { weight: 4, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
  ),
  dies: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  again: fc.boolean(),
})

/** A history of several processes. Departures, µs; what becomes of a grant is told when its process asks again. */
function departures(limit: number, steps: readonly Step[], watch: (permits: Permits) => void = () => {}): number[] {
  const permits = newPermits()
  const left: number[] = []
  const untold = new Map<number, ToldGrant[]>()
  let nowUs = BEGIN
  for (const { process, passUs, wanted, leadMs, horizonMs, late, used, dies, again } of steps) {
    nowUs += passUs
    const ended = (untold.get(process) ?? []).filter(({ nowUs: at, slots }) =>
      slots.every(([ahead, leftUs]) => (leftUs === null ? at + ahead + PERMIT_LATE_US : at + leftUs) <= nowUs),
    )
    const ask = { nowUs, wanted, limit, horizonUs: horizonMs * 1_000, leadUs: leadMs * 1_000 }
    const answer = grantPermits(permits, { ...ask, told: again ? [...ended, ...ended] : ended })
    watch(permits)
    const others = (untold.get(process) ?? []).filter((told) => !ended.includes(told))
    if (answer.kind === 'slots') {
      const slots = answer.aheadUs.map((ahead, index): readonly [number, number | null] => [
        ahead,
        index < answer.aheadUs.length * used ? ahead + Math.floor(PERMIT_LATE_US * late) : null,
      ])
      for (const [, leftUs] of slots) if (leftUs !== null) left.push(nowUs + leftUs)
      if (!dies) others.push({ serial: answer.serial, nowUs, slots })
    }
    untold.set(process, others)
  }
  return left.sort((a, b) => a - b)
}

describe('law 5', () => {
  const history = fc.array(step, { minLength: 30, maxLength: 200 })

  test('no second and a little more holds more messages than the limit, whoever dies, is late or tells twice', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 3, 10, 80, 400), history, (limit, steps) => {
        const left = departures(limit, steps)
        const spans = left.slice(limit).map((at, index) => at - (left[index] ?? 0))
        expect(Math.min(...spans)).toBeGreaterThanOrEqual(SECOND + PERMIT_MARGIN_US)
      }),
      { numRuns: 300 },
    )
  })

  test('below one a second, the limit is kept over as long as one message takes', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const left = departures(0.5, steps)
        const spans = left.slice(1).map((at, index) => at - (left[index] ?? 0))
        expect(Math.min(...spans)).toBeGreaterThanOrEqual(2 * SECOND)
      }),
    )
  })

  test('there are always as many permits as the limit allows messages', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 10, 80), history, (limit, steps) => {
        departures(limit, steps, ({ free, size }) => {
          expect(size).toBe(limit)
          expect([...free.values()].reduce((sum, count) => sum + count, 0)).toBe(limit)
        })
      }),
      { numRuns: 50 },
    )
  })
})

/** One process that asks every 50 ms for `ms`, is `lateUs` late with each message, and stands still from time to time. */
function rateOf(
  permits: Permits,
  {
    limit,
    ms,
    lateUs,
    stallMs = 0,
    from = BEGIN,
  }: { limit: number; ms: number; lateUs: number; stallMs?: number; from?: number },
): number {
  let told: ToldGrant[] = []
  let left = 0
  let nowUs = from
  for (let turn = 1; nowUs < from + ms * 1_000; turn++) {
    const isOver = ({ nowUs: at, slots }: ToldGrant): boolean =>
      slots.every(([, leftUs]) => at + (leftUs ?? 0) <= nowUs)
    const ask = { nowUs, wanted: 1_000, limit, horizonUs: 250_000, leadUs: 12_000 }
    const answer = grantPermits(permits, { ...ask, told: told.filter(isOver) })
    told = told.filter((one) => !isOver(one))
    const stall = stallMs > 0 && turn % 40 === 0 ? stallMs * 1_000 : 0
    if (answer.kind === 'slots') {
      // What falls into a standstill leaves at its end.
      const slots = answer.aheadUs.map((ahead) => [ahead, Math.max(ahead, stall) + lateUs] as const)
      left += slots.length
      told.push({ serial: answer.serial, nowUs, slots })
    }
    nowUs += 50_000 + stall
  }
  return left / (ms / 1_000)
}

test('telling of a grant twice frees nobody else’s permit', () => {
  const permits = newPermits()
  const ask = { nowUs: BEGIN, wanted: 1, limit: 1_000, horizonUs: 250_000, leadUs: 0, told: [] }
  grantPermits(permits, ask)
  // Many lay idle for a moment and slots make up for it: the second and the third are then free again in the same bucket.
  const nowUs = BEGIN + 100_000
  const [, one] = [1, 2, 3].map(() => grantPermits(permits, { ...ask, nowUs }))
  if (one?.kind !== 'slots') throw new Error('slots are free')
  const told: ToldGrant = { serial: one.serial, nowUs, slots: one.aheadUs.map((ahead) => [ahead, ahead]) }
  const freeLate = (): number =>
    [...permits.free]
      .filter(([bucket]) => bucket * 2_000 > nowUs + SECOND + PERMIT_LATE_US)
      .reduce((sum, [, count]) => sum + count, 0)
  const before = freeLate()
  for (let times = 0; times < 2; times++) grantPermits(permits, { ...ask, wanted: 0, nowUs, told: [told] })
  expect(freeLate()).toBe(before - 1)
})

describe('the limit is used', () => {
  test('nearly all of it', () => {
    for (const limit of [5, 10, 80, 1_000]) {
      // Of a high one the first second holds half.
      const seconds = limit < 200 ? 60 : 59.5
      const share = (rateOf(newPermits(), { limit, ms: 60_000, lateUs: 2_000 }) * 60) / (limit * seconds)
      expect([limit, share >= 0.98, share <= 1.03]).toEqual([limit, true, true])
    }
  })

  test('whoever stands still for a fifth of a second every two seconds loses hardly more than what it stood still for', () => {
    expect(rateOf(newPermits(), { limit: 100, ms: 60_000, lateUs: 2_000, stallMs: 200 })).toBeGreaterThan(95)
  })

  test('by half in the first second after a rest, where the limit is high, and evenly in all of the next', () => {
    const permits = newPermits()
    const inSecond = [0, 0, 0]
    let told: ToldGrant[] = []
    for (let nowUs = BEGIN; nowUs < BEGIN + 3 * SECOND; nowUs += 50_000) {
      const ask = { nowUs, wanted: 1_000, limit: 1_000, horizonUs: 150_000, leadUs: 0 }
      const answer = grantPermits(permits, { ...ask, told })
      told = []
      if (answer.kind !== 'slots') continue
      for (const ahead of answer.aheadUs) {
        const second = Math.floor((nowUs + ahead - BEGIN) / SECOND)
        inSecond[second] = (inSecond[second] ?? 0) + 1
      }
      told = [{ serial: answer.serial, nowUs, slots: answer.aheadUs.map((ahead) => [ahead, ahead]) }]
    }
    const [first, second, third] = inSecond
    expect(first).toBeLessThanOrEqual(500)
    expect(first).toBeGreaterThan(480)
    expect(second).toBeGreaterThan(960)
    expect(third).toBeGreaterThan(970)
  })

  test('evenly, after a rest', () => {
    const permits = newPermits()
    const ask = { wanted: 1_000, limit: 100, horizonUs: 250_000, leadUs: 0, told: [] }
    for (const nowUs of [BEGIN, BEGIN + 60 * SECOND]) {
      const answer = grantPermits(permits, { ...ask, nowUs })
      if (answer.kind !== 'slots') throw new Error('slots are free')
      const gaps = answer.aheadUs.slice(1).map((ahead, index) => ahead - (answer.aheadUs[index] ?? 0))
      expect(answer.aheadUs.length).toBeGreaterThanOrEqual(24)
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(8_000)
    }
  })
})

describe('a limit that changes', () => {
  test('is kept at once when it is raised, and within a second when it is lowered', () => {
    const permits = newPermits()
    rateOf(permits, { limit: 100, ms: 5_000, lateUs: 1_000 })
    const raised = rateOf(permits, { limit: 400, ms: 5_000, lateUs: 1_000, from: BEGIN + 5 * SECOND })
    expect(raised).toBeGreaterThan(385)
    const lowered = rateOf(permits, { limit: 50, ms: 10_000, lateUs: 1_000, from: BEGIN + 10 * SECOND })
    expect(lowered).toBeLessThanOrEqual(50)
    expect(lowered).toBeGreaterThan(47)
  })

  test('does not stop a sender for hours when Redis’ clock was set back', () => {
    const permits = newPermits()
    rateOf(permits, { limit: 50, ms: 3_000, lateUs: 1_000 })
    const from = BEGIN - 3_600 * SECOND
    expect(rateOf(permits, { limit: 50, ms: 10_000, lateUs: 1_000, from })).toBeGreaterThan(40)
  })
})
