import { expect, test } from 'vitest'

import { virtualTime } from './send-queue.ts'

/** The order in which chunks of several campaigns are visited: each joins when the queue stands at `head`. */
function order(
  campaigns: ReadonlyArray<{ name: string; chunks: number; head: number; priority: 'high' | 'normal' | 'low' }>,
): string[] {
  return campaigns
    .flatMap(({ name, chunks, head, priority }) =>
      Array.from({ length: chunks }, (_, position) => ({ name, at: virtualTime(head, position, priority) })),
    )
    .toSorted((a, b) => a.at - b.at)
    .map(({ name }) => name)
}

test('a small campaign behind a large one is not stuck behind it', () => {
  const visits = order([
    { name: 'large', chunks: 2_000, head: 0, priority: 'normal' },
    { name: 'small', chunks: 2, head: 200, priority: 'normal' },
  ])
  // Launched after a hundred chunks of the large one: its two chunks are through within the next four.
  expect(visits.lastIndexOf('small')).toBeLessThan(105)
})

test('priority shifts shares and starves nobody', () => {
  const visits = order([
    { name: 'high', chunks: 400, head: 0, priority: 'high' },
    { name: 'low', chunks: 400, head: 0, priority: 'low' },
  ]).slice(0, 200)
  const high = visits.filter((name) => name === 'high').length
  expect(high / visits.length).toBeCloseTo(4 / 5, 1)
})

test('past the end of what BullMQ can order, chunks queue in order of arrival', () => {
  expect(virtualTime(2_097_000, 10_000, 'low')).toBe(2_097_151)
  expect(virtualTime(0, 0, 'high')).toBeGreaterThan(0)
})
