import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Ledger } from './ledger.ts'
import type { Entry, Selection } from './ledger.ts'
import { isProcessed, OUTCOMES } from './outcome.ts'

const PAST_EVERY_PAGE = 70_000

function entry(change: Partial<Entry> = {}): Entry {
  return {
    phoneNumberId: '106540352242922',
    phone: 5_511_912_345_678,
    template: 'bf_2026',
    callbackData: 'v1.chasqui.c1.0.1',
    at: 1_795_000_000_000.25,
    outcome: 'accepted',
    code: null,
    facts: 3,
    ...change,
  }
}

const anyEntry = fc.record({
  phoneNumberId: fc.constantFrom('', '111111', '222222'),
  phone: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 10_000_000, max: 999_999_999_999_999 })),
  template: fc.constantFrom('', 'a', 'b'),
  callbackData: fc.oneof(
    fc.constantFrom('', '.', '..', 'plain', 'v1.e.c1.0.1', 'v1.e.c2.zz.1', 'olá.ção.ü.1'),
    fc.string({ maxLength: 60 }),
  ),
  at: fc.double({ min: 1e12, max: 2e12, noNaN: true }),
  outcome: fc.constantFrom(...OUTCOMES),
  code: fc.option(fc.constantFrom(0, 100, 131026, 2_494_100), { nil: null }),
  facts: fc.integer({ min: 0, max: 127 }),
})

test('everything written down is read back as it was', () => {
  fc.assert(
    fc.property(fc.array(anyEntry, { maxLength: 60 }), (entries) => {
      const ledger = new Ledger(100)
      for (const [index, written] of entries.entries()) expect(ledger.record(written)).toBe(index)
      const people = new Map<number, number>()
      for (const [index, written] of entries.entries()) {
        const row = ledger.read(index)
        if (!people.has(written.phone)) people.set(written.phone, people.size)
        expect(row).toEqual({ ...written, index, recipient: people.get(written.phone), told: 0 })
      }
    }),
  )
})

test('a selection finds exactly its rows', () => {
  fc.assert(
    fc.property(
      fc.array(anyEntry, { maxLength: 60 }),
      fc.record({
        template: fc.constantFrom(undefined, 'a', 'none'),
        number: fc.constantFrom(undefined, '111111'),
        campaign: fc.constantFrom(undefined, 'c1', 'c', '0'),
      }),
      (entries, selection: Selection) => {
        const ledger = new Ledger(100)
        for (const written of entries) ledger.record(written)
        const found: number[] = []
        ledger.scan(selection, 0, entries.length, ({ index, processed }) => {
          found.push(index)
          expect(processed).toBe(isProcessed(entries[index]?.outcome ?? 'refused'))
        })
        const { template, number, campaign } = selection
        const expected = entries.flatMap((row, index) => {
          const parts = row.callbackData.split('.').slice(0, -2)
          const fits =
            (template === undefined || row.template === template) &&
            (number === undefined || row.phoneNumberId === number) &&
            (campaign === undefined || parts.includes(campaign))
          return fits ? [index] : []
        })
        expect(found).toEqual(expected)
      },
    ),
  )
})

test('rows past a page, recipients past a table and texts past an archive page are all still there', () => {
  const ledger = new Ledger(PAST_EVERY_PAGE)
  const at = (i: number): Entry =>
    entry({ phone: 5_511_900_000_000 + (i % 50_000), callbackData: `v1.chasqui.c${i % 3}.${'x'.repeat(i % 40)}${i}.1` })
  for (let i = 0; i < PAST_EVERY_PAGE; i++) ledger.record(at(i))
  expect(ledger.recipients.count).toBe(50_000)
  for (let i = 0; i < PAST_EVERY_PAGE; i += 97) expect(ledger.read(i)).toMatchObject({ ...at(i), index: i })
})

test('what is told adds up', () => {
  const ledger = new Ledger(1)
  const index = ledger.record(entry())
  ledger.tell(index, 1)
  ledger.tell(index, 2)
  ledger.tell(index, 1)
  expect(ledger.read(index).told).toBe(3)
})

test('a full ledger says so rather than forget', () => {
  const ledger = new Ledger(1)
  ledger.record(entry())
  expect(ledger.isFull).toBe(true)
  expect(() => ledger.record(entry())).toThrow(RangeError)
})

test('attempts are counted by recipient', () => {
  const { recipients } = new Ledger(10)
  const [ana, bea] = [recipients.idOf(1), recipients.idOf(2)]
  expect([recipients.countAttempt(ana), recipients.countAttempt(ana), recipients.countAttempt(bea)]).toEqual([0, 1, 0])
  expect([recipients.knownId(1), recipients.knownId(3)]).toEqual([ana, null])
})
