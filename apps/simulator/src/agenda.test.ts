import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Agenda } from './agenda.ts'

test('gives back what is due, in order of time, and nothing else', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 3000 }),
      fc.integer({ min: 0, max: 1000 }),
      (times, now) => {
        const agenda = new Agenda()
        for (const [i, at] of times.entries()) agenda.add(at, { request: i, status: i % 5, tries: i % 7 }, 10_000)
        const taken: number[] = []
        for (let due = agenda.take(now); due !== null; due = agenda.take(now)) {
          expect(due).toEqual({ request: due.request, status: due.request % 5, tries: due.request % 7 })
          taken.push(times[due.request] ?? -1)
        }
        const later = times.filter((at) => at > now)
        expect(taken).toEqual(times.filter((at) => at <= now).sort((a, b) => a - b))
        expect(agenda.size).toBe(later.length)
        expect(agenda.nextAt).toBe(later.length === 0 ? Infinity : Math.min(...later))
      },
    ),
  )
})

test('takes no more than its bound', () => {
  const agenda = new Agenda()
  const due = { request: 0, status: 0, tries: 0 }
  expect([agenda.add(1, due, 2), agenda.add(1, due, 2), agenda.add(1, due, 2)]).toEqual([true, true, false])
  expect(agenda.size).toBe(2)
})
