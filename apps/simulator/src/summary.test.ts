import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FACT } from './fact.ts'
import { Ledger } from './ledger.ts'
import type { Entry } from './ledger.ts'
import { isLost, isProcessed, OUTCOMES } from './outcome.ts'
import { summarise } from './summary.ts'

const SENT = FACT.sent | FACT.marketingLite

type Told = Entry & { readonly told?: number }

function entry(phone: number, change: Partial<Told> = {}): Told {
  return {
    phoneNumberId: '11111',
    phone,
    template: 't',
    callbackData: '',
    at: 0,
    outcome: 'accepted',
    code: null,
    facts: SENT,
    ...change,
  }
}

async function summaryOf(rows: readonly Told[]): ReturnType<typeof summarise> {
  const ledger = new Ledger(1_000)
  for (const row of rows) ledger.tell(ledger.record(row), row.told ?? 0)
  return await summarise(ledger, {}, async () => {})
}

test('a recipient that was taken twice is a double, one that was refused first is not', async () => {
  const { recipients, requests } = await summaryOf([
    entry(1),
    entry(1, { outcome: 'reset' }),
    entry(1),
    entry(2, { outcome: 'refused', code: 130429, facts: 0 }),
    entry(2),
    entry(3, { outcome: 'reset_unprocessed', facts: 0 }),
    entry(3),
  ])
  expect(recipients).toMatchObject({ seen: 3, processed: 3, doubled: 1, surplus: 2 })
  expect(requests).toMatchObject({
    received: 7,
    processed: 5,
    byCode: { 130429: 1 },
    byOutcome: { reset: 1, refused: 1 },
  })
})

test('what a sender can know of a recipient follows from answers and webhooks', async () => {
  const { recipients } = await summaryOf([
    entry(1, { told: FACT.answered }),
    entry(2, { outcome: 'reset', told: FACT.sent }),
    entry(3, { outcome: 'reset' }),
    entry(4, { outcome: 'hang_unprocessed', facts: 0 }),
    entry(5, { outcome: 'refused', code: 131021, facts: 0, told: FACT.answered }),
    // The sender died before the refusal reached it.
    entry(6, { outcome: 'refused', code: 131021, facts: 0 }),
    entry(7, { outcome: 'refused', code: 131016, facts: 0, told: FACT.answered }),
    entry(7, { told: FACT.answered }),
  ])
  expect(recipients.implied).toEqual({ accepted: 3, unknown: 3, rejected: 1 })
  expect(recipients).toMatchObject({ rejectedByCode: { 131021: 1 }, unknownButProcessed: 1 })
})

test('the truth and what was told of it are counted apart, with what they imply', async () => {
  const { truth, told, failedByCode } = await summaryOf([
    entry(1, { facts: SENT | FACT.read, told: FACT.answered | FACT.read }),
    entry(2, { facts: SENT | FACT.delivered }),
    entry(3, { facts: FACT.failed | FACT.marketingLite, code: 131049, told: FACT.failed }),
    entry(4, { facts: FACT.failed | FACT.delivered | FACT.fallback, code: 131026, told: FACT.failed }),
    entry(5, { outcome: 'held', facts: FACT.held | SENT, told: FACT.answered | FACT.held }),
  ])
  expect(truth).toEqual({ sent: 4, delivered: 3, read: 1, failed: 1, held: 0, marketing_lite: 4, marketing: 1 })
  expect(told).toEqual({ sent: 1, delivered: 1, read: 1, failed: 2, held: 1, marketing_lite: 0, marketing: 0 })
  expect(failedByCode).toEqual({ truth: { 131049: 1 }, told: { 131049: 1, 131026: 1 } })
})

test('the rate shows the most in any sliding second', async () => {
  const at = [0, 400, 800, 1_200, 1_300, 5_000]
  const { rate } = await summaryOf(
    at.map((time, i) => entry(i + 1, { at: time, ...(i === 3 ? { outcome: 'refused', code: 130429, facts: 0 } : {}) })),
  )
  expect(rate).toEqual({
    11111: {
      received: 6,
      processed: 5,
      throttled: 1,
      firstAt: 0,
      lastAt: 5_000,
      perSecondMean: 1,
      perSecondMax: 4,
      processedPerSecondMax: 3,
    },
  })
})

test('requests without a readable recipient are requests of nobody', async () => {
  const { requests, recipients } = await summaryOf([entry(0, { outcome: 'refused', code: 100, facts: 0 }), entry(1)])
  expect(requests.received).toBe(2)
  expect(recipients.seen).toBe(1)
})

test('the numbers add up for any history', async () => {
  const history = fc.array(
    fc.record({
      phone: fc.integer({ min: 1, max: 8 }),
      outcome: fc.constantFrom(...OUTCOMES),
      told: fc.constantFrom(0, FACT.answered, FACT.sent, FACT.failed),
      code: fc.constantFrom(131026, 100),
    }),
    { maxLength: 60 },
  )
  await fc.assert(
    fc.asyncProperty(history, async (rows) => {
      const told = rows.map((row) =>
        isProcessed(row.outcome) ? row.told : isLost(row.outcome) ? 0 : row.told & FACT.answered,
      )
      const { requests, recipients, truth } = await summaryOf(
        rows.map((row, i) =>
          entry(row.phone, {
            outcome: row.outcome,
            code: row.outcome === 'refused' ? row.code : null,
            facts: isProcessed(row.outcome) ? SENT : 0,
            told: told[i] ?? 0,
          }),
        ),
      )
      const { accepted, unknown, rejected } = recipients.implied
      expect(accepted + unknown + rejected).toBe(recipients.seen)
      expect(requests.processed - recipients.processed).toBe(recipients.surplus)
      expect(truth.sent).toBe(recipients.processed)
      expect(Object.values(requests.byOutcome).reduce((sum, count) => sum + count, 0)).toBe(requests.received)
      expect(Object.values(recipients.rejectedByCode).reduce((sum, count) => sum + count, 0)).toBe(rejected)
      expect(recipients.unknownButProcessed).toBeLessThanOrEqual(unknown)
    }),
  )
})
