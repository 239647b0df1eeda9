import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { ledgerByte, STATE } from './disposition.ts'
import { FACT } from './facts.ts'
import { foldInto } from './fold.ts'
import type { Ledger, Lesson } from './fold.ts'
import { compareRetelling, disagreements, retell, startRetelling } from './retelling.ts'
import type { Comparison, Retelling } from './retelling.ts'

const RECIPIENTS = 8

const lesson: fc.Arbitrary<Lesson> = fc.record({
  ordinal: fc.nat(RECIPIENTS - 1),
  attempt: fc.constant(1),
  facts: fc.constantFrom(FACT.sent, FACT.delivered, FACT.read, FACT.failed, FACT.held, FACT.sent | FACT.routeMarketing),
  errorCode: fc.constantFrom(131_026, 131_049),
})

/** A campaign whose recipients are accepted, or pending, or not there. */
function ledgerOf(): Ledger {
  const states = Uint8Array.from({ length: RECIPIENTS }, (_, ordinal) =>
    ordinal === 5 ? 0 : ledgerByte(ordinal % 2 === 0 ? STATE.accepted : STATE.pending, 1),
  )
  return {
    status: 'running',
    onUnknown: 'keep',
    states,
    facts: new Uint8Array(RECIPIENTS),
    counts: new Map([['pending', 3]]),
    retries: new Set(),
    unknowns: new Set(),
  }
}

function told(lessons: readonly Lesson[], folded: (index: number) => boolean = () => true): Retelling {
  const so = startRetelling(RECIPIENTS)
  for (const [index, each] of lessons.entries()) retell(so, each, folded(index))
  return so
}

const ALL_WELL = { unfolded: 0, untold: 0, notAccepted: 0 }
const wrong = (so: Retelling, comparison: Comparison): unknown => {
  const { unfolded, untold, notAccepted } = comparison
  return { unfolded, untold, notAccepted, apart: disagreements(so, comparison) }
}

describe('a retelling', () => {
  test('agrees with the ledger that learned the same in any order, whatever of it was folded when', () => {
    fc.assert(
      fc.property(
        fc.array(lesson, { maxLength: 30 }).chain((lessons) =>
          fc.record({
            lessons: fc.constant(lessons),
            folded: fc.shuffledSubarray(lessons, { minLength: lessons.length }),
            /** So many of the log were surely folded when the ledger was read, and of the others these. */
            sure: fc.nat(lessons.length),
            also: fc.nat(),
          }),
        ),
        ({ lessons, folded, sure, also }) => {
          const ledger = ledgerOf()
          const isIn = (index: number): boolean => index < sure || ((also >> (index % 30)) & 1) === 1
          const known = new Set(lessons.filter((_, index) => isIn(index)))
          foldInto(
            ledger,
            folded.filter((each) => known.has(each)),
          )
          const so = told(lessons, (index) => index < sure)
          expect(wrong(so, compareRetelling(so, ledger))).toEqual({ ...ALL_WELL, apart: [] })
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('notices a counter that is off by one, and names it', () => {
    fc.assert(
      fc.property(
        fc.array(lesson, { maxLength: 20 }),
        fc.constantFrom('delivery:sent', 'route:marketing'),
        (lessons, field) => {
          const ledger = ledgerOf()
          foldInto(ledger, lessons)
          const counted = (ledger.counts.get(field) ?? 0) + 1
          ledger.counts.set(field, counted)
          const so = told(lessons)
          expect(wrong(so, compareRetelling(so, ledger))).toEqual({
            ...ALL_WELL,
            apart: [{ field, counted, told: counted - 1 }],
          })
        },
      ),
    )
  })

  test('notices what was acknowledged and not folded, and what was counted and never told', () => {
    const read: Lesson = { ordinal: 0, attempt: 1, facts: FACT.read, errorCode: 0 }
    const proof: Lesson = { ordinal: 1, attempt: 1, facts: FACT.sent, errorCode: 0 }
    const empty = ledgerOf()
    expect(compareRetelling(told([read, proof]), empty)).toMatchObject({ unfolded: 2, untold: 0, notAccepted: 1 })
    const full = ledgerOf()
    foldInto(full, [read, proof])
    expect(compareRetelling(told([read]), full)).toMatchObject({ unfolded: 0, untold: 1, notAccepted: 0 })
  })

  test('takes what we know by ourselves as it is: held by the answer to a send, and undelivered', () => {
    const ledger = ledgerOf()
    ledger.facts[0] = FACT.held
    ledger.facts[2] = FACT.sent | FACT.undelivered
    for (const field of ['delivery:held', 'delivery:sent', 'delivery:undelivered']) ledger.counts.set(field, 1)
    const so = told([{ ordinal: 2, attempt: 1, facts: FACT.sent, errorCode: 0 }])
    expect(wrong(so, compareRetelling(so, ledger))).toEqual({ ...ALL_WELL, apart: [] })
  })

  test('statuses about nobody count for nothing', () => {
    const so = told([
      { ordinal: 5, attempt: 1, facts: FACT.read, errorCode: 0 },
      { ordinal: 9_000, attempt: 1, facts: FACT.read, errorCode: 0 },
    ])
    expect(wrong(so, compareRetelling(so, ledgerOf()))).toEqual({ ...ALL_WELL, apart: [] })
    expect(so.strangers).toBe(1)
  })
})
