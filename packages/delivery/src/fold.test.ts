import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { attemptsOf, DISPOSITIONS, dispositionOf, ledgerByte, STATE, stateOf } from './disposition.ts'
import type { StateCode } from './disposition.ts'
import { FACT, PROOF, viewOf } from './facts.ts'
import { foldInto, foldRecipient, mergeLessons } from './fold.ts'
import type { Ledger, Lesson } from './fold.ts'
import { PRICE, priceKindOf } from './prices.ts'

/** 100,000 take some minutes: `FOLD_RUNS=100000 npx vitest run packages/delivery/src/fold.test.ts -t law`. */
const RUNS = Number(process.env['FOLD_RUNS'] ?? 3_000)
const TIMEOUT = { timeout: 30_000 + RUNS * 10 }
const RECIPIENTS = 12

const stateByte = fc
  .tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 15 }))
  .map(([state, attempts]) => (state === STATE.absent ? 0 : ledgerByte(state as StateCode, attempts)))

/** Meta names one code for one failure, and people do not move: both are functions of the recipient. */
const lesson: fc.Arbitrary<Lesson> = fc
  .record({
    ordinal: fc.integer({ min: 0, max: RECIPIENTS }),
    attempt: fc.integer({ min: 1, max: 20 }),
    facts: fc.constantFrom(
      FACT.sent,
      FACT.delivered,
      FACT.read,
      FACT.failed,
      FACT.sent | FACT.routeMarketingLite,
      FACT.routeMarketing,
      FACT.held,
    ),
    prices: fc.constantFrom(0, 0, 0, 0, PRICE.free, PRICE.utility, PRICE.service),
  })
  .map((base) => ({ ...base, errorCode: 131_000 + (base.ordinal % 3), country: base.ordinal % 2 === 0 ? 'BR' : 'IN' }))

function ledgerOf(states: readonly number[]): Ledger {
  const counts = new Map<string, number>([['recipients', states.filter((byte) => stateOf(byte) !== 0).length]])
  const retries = new Set<number>()
  const unknowns = new Set<number>()
  states.forEach((byte, ordinal) => {
    const disposition = dispositionOf(byte)
    if (disposition !== null) counts.set(disposition, (counts.get(disposition) ?? 0) + 1)
    if (stateOf(byte) === STATE.waiting) retries.add(ordinal)
    if (stateOf(byte) === STATE.unknown) unknowns.add(ordinal)
  })
  const bytes = Uint8Array.from(states)
  return {
    status: 'running',
    onUnknown: 'keep',
    states: bytes,
    facts: new Uint8Array(bytes.length),
    counts,
    retries,
    unknowns,
  }
}

/** What must be equal however the statuses came: everything but zero counters, which a hash may hold or not. */
function outcome(ledger: Ledger): unknown {
  const counts = [...ledger.counts]
    .filter(([, value]) => value !== 0)
    .sort((left, right) => left[0].localeCompare(right[0]))
  return {
    ...ledger,
    states: [...ledger.states],
    facts: [...ledger.facts],
    counts,
    retries: [...ledger.retries],
    unknowns: [...ledger.unknowns],
    prices: [...(ledger.prices ?? [])].sort(([left], [right]) => left - right),
  }
}

function folded(states: readonly number[], batches: readonly (readonly Lesson[])[]): Ledger {
  const ledger = ledgerOf(states)
  for (const batch of batches) foldInto(ledger, batch)
  return ledger
}

const history = fc.record({
  states: fc.array(stateByte, { minLength: RECIPIENTS, maxLength: RECIPIENTS }),
  lessons: fc.array(lesson, { maxLength: 40 }),
})

describe('law 2: folding is idempotent, commutative and associative', () => {
  test('any order, any repetition and any cut into batches give the ordered fold', TIMEOUT, () => {
    const noisy = history.chain(({ states, lessons }) =>
      fc.record({
        states: fc.constant(states),
        lessons: fc.constant(lessons),
        disorder: fc.shuffledSubarray([...lessons, ...lessons], {
          minLength: 2 * lessons.length,
          maxLength: 2 * lessons.length,
        }),
        cut: fc.integer({ min: 1, max: 9 }),
      }),
    )
    fc.assert(
      fc.property(noisy, ({ states, lessons, disorder, cut }) => {
        const batches = disorder.flatMap((_, index) =>
          index % cut === 0 ? [mergeLessons(disorder.slice(index, index + cut))] : [],
        )
        expect(outcome(folded(states, batches))).toEqual(outcome(folded(states, [lessons])))
      }),
      { numRuns: RUNS },
    )
  })

  test('merging the lessons of a batch changes nothing, whatever their facts and codes', TIMEOUT, () => {
    const anything: fc.Arbitrary<Lesson> = fc.record({
      ordinal: fc.integer({ min: 0, max: RECIPIENTS }),
      attempt: fc.integer({ min: 0, max: 20 }),
      facts: fc.integer({ min: 0, max: 255 }),
      errorCode: fc.integer({ min: 0, max: 3 }),
    })
    fc.assert(
      fc.property(history, fc.array(anything, { maxLength: 40 }), ({ states }, lessons) => {
        expect(outcome(folded(states, [mergeLessons(lessons)]))).toEqual(outcome(folded(states, [lessons])))
      }),
      { numRuns: RUNS },
    )
  })
})

test('law 1: counts add up to recipients, and every counter is what a recount finds', TIMEOUT, () => {
  fc.assert(
    fc.property(history, ({ states, lessons }) => {
      const ledger = folded(states, [lessons])
      const of = (field: string): number => ledger.counts.get(field) ?? 0
      expect(DISPOSITIONS.reduce((sum, disposition) => sum + of(disposition), 0)).toBe(of('recipients'))
      for (const disposition of DISPOSITIONS) {
        expect(of(disposition)).toBe([...ledger.states].filter((byte) => dispositionOf(byte) === disposition).length)
      }
      for (const field of ['sent', 'delivered', 'read', 'failed', 'held'] as const) {
        expect(of(`delivery:${field}`)).toBe([...ledger.facts].filter((facts) => viewOf(facts)[field] === 1).length)
      }
      const billed: Record<string, number> = {}
      for (const [ordinal, facts] of ledger.facts.entries()) {
        const kind = priceKindOf(facts, ledger.prices?.get(ordinal) ?? 0)
        const field = `price:${kind}:${ordinal % 2 === 0 ? 'BR' : 'IN'}`
        if (kind !== null) billed[field] = (billed[field] ?? 0) + 1
      }
      const counted = [...ledger.counts].filter(([field, value]) => field.startsWith('price:') && value !== 0)
      expect(Object.fromEntries(counted)).toEqual(billed)
      expect(of('delivery:sent')).toBeGreaterThanOrEqual(of('delivery:delivered'))
      expect(of('delivery:delivered')).toBeGreaterThanOrEqual(of('delivery:read'))
    }),
    { numRuns: RUNS },
  )
})

describe('a proof beats every other state', () => {
  const cases = Object.entries(STATE).filter(([name]) => name !== 'absent')
  const FINAL = new Set(['rejected', 'expired', 'suppressed', 'canceled'])

  test.each(cases)('from %s to accepted', (name, state) => {
    const after = foldRecipient(ledgerByte(state, 1), 0, { ordinal: 0, attempt: 1, facts: FACT.sent, errorCode: 0 })
    expect(after).toEqual({
      state: ledgerByte(STATE.accepted, 1),
      facts: FACT.sent,
      liftedFrom: name === 'accepted' ? null : dispositionOf(state),
      late: FINAL.has(name),
      failedNow: false,
    })
  })

  test('our own inference of undelivered proves nothing', () => {
    const after = foldRecipient(ledgerByte(STATE.unknown, 1), 0, {
      ordinal: 0,
      attempt: 1,
      facts: FACT.undelivered,
      errorCode: 0,
    })
    expect(after?.state).toBe(ledgerByte(STATE.unknown, 1))
    expect(FACT.undelivered & PROOF).toBe(0)
  })

  test('the attempt that is proven is remembered, and never more than the byte holds', () => {
    const after = foldRecipient(ledgerByte(STATE.pending, 0), 0, {
      ordinal: 0,
      attempt: 99,
      facts: FACT.sent,
      errorCode: 0,
    })
    expect(attemptsOf(after?.state ?? 0)).toBe(15)
  })

  test('nobody lives at an absent ordinal or past the end', () => {
    const ledger = ledgerOf([0, 1])
    const report = foldInto(
      ledger,
      [0, 2, 1_000_000].map((ordinal) => ({ ordinal, attempt: 1, facts: FACT.sent, errorCode: 0 })),
    )
    expect(report).toEqual({ lifted: 0, late: 0, refused: [0, 2, 1_000_000], failed: new Map(), completed: false })
    expect(ledger.counts.get('delivery:sent')).toBeUndefined()
  })
})

describe('failed and delivered (several devices)', () => {
  const failed = { ordinal: 0, attempt: 1, facts: FACT.failed, errorCode: 131_026 }
  const delivered = { ordinal: 0, attempt: 1, facts: FACT.delivered, errorCode: 0 }

  test.each([
    ['failed, then delivered', [failed, delivered]],
    ['delivered, then failed', [delivered, failed]],
  ])('%s: delivered counts, failed does not, the error is remembered', (_name, lessons) => {
    const counts = folded([ledgerByte(STATE.accepted, 1)], [lessons]).counts
    expect(counts.get('delivery:delivered')).toBe(1)
    expect(counts.get('delivery:failed') ?? 0).toBe(0)
    expect(counts.get('error:131026')).toBe(1)
  })

  test('read without delivered implies it', () => {
    const counts = folded([ledgerByte(STATE.accepted, 1)], [[{ ...delivered, facts: FACT.read }]]).counts
    expect([counts.get('delivery:sent'), counts.get('delivery:delivered'), counts.get('delivery:read')]).toEqual([
      1, 1, 1,
    ])
  })
})

describe('completion', () => {
  const sent = { ordinal: 0, attempt: 1, facts: FACT.sent, errorCode: 0 }

  test('the last open recipient completes a running campaign', () => {
    const ledger = ledgerOf([ledgerByte(STATE.sending, 1)])
    expect(foldInto(ledger, [sent]).completed).toBe(true)
    expect(ledger.status).toBe('completed')
  })

  test('an unknown recipient keeps it open only where it would be sent again', () => {
    const ledger = {
      ...ledgerOf([ledgerByte(STATE.sending, 1), ledgerByte(STATE.unknown, 1)]),
      onUnknown: 'resend' as const,
    }
    expect(foldInto(ledger, [sent]).completed).toBe(false)
    expect(foldInto(ledger, [{ ...sent, ordinal: 1 }]).completed).toBe(true)
  })

  test('a paused campaign stays paused', () => {
    const ledger = { ...ledgerOf([ledgerByte(STATE.sending, 1)]), status: 'paused' as const }
    expect(foldInto(ledger, [sent]).completed).toBe(false)
  })
})
