import { describe, expect, test } from 'vitest'

import { joinChunks, packChunk, pickRows, unpackChunk } from './chunk.ts'
import { runId, runSpec, STATUSES, stepFor, timingOf } from './lifecycle.ts'
import type { Order, Status, Timing } from './lifecycle.ts'

/** What each order leads to from each status, for a campaign that would start now; `=`: it is so already, `-`: refused. */
const TABLE: Readonly<Record<Order, Readonly<Record<Status, Status | '=' | '-'>>>> = {
  launch: { draft: 'running', scheduled: '=', running: '=', paused: '-', completed: '-', canceled: '-' },
  start: { draft: '-', scheduled: 'running', running: '=', paused: '-', completed: '-', canceled: '-' },
  pause: { draft: '-', scheduled: 'paused', running: 'paused', paused: '=', completed: '-', canceled: '-' },
  resume: { draft: '-', scheduled: '=', running: '=', paused: 'running', completed: '-', canceled: '-' },
  cancel: {
    draft: 'canceled',
    scheduled: 'canceled',
    running: 'canceled',
    paused: 'canceled',
    completed: '-',
    canceled: '=',
  },
  append: { draft: '=', scheduled: '=', running: '-', paused: '-', completed: '-', canceled: '-' },
}

const ORDERS = Object.keys(TABLE) as Order[]

function outcome(order: Order, status: Status, timing: Timing): Status | '=' | '-' {
  const step = stepFor(order, status, timing)
  return step.kind === 'move' ? step.to : step.kind === 'already' ? '=' : '-'
}

describe('orders', () => {
  test.each(ORDERS.flatMap((order) => STATUSES.map((status) => [order, status, TABLE[order][status]] as const)))(
    '%s a %s campaign: %s',
    (order, status, expected) => {
      expect(outcome(order, status, 'now')).toBe(expected)
    },
  )

  test.each(['later', 'recurring'] as const)('launch and resume wait for the schedule when it is %s', (timing) => {
    expect(outcome('launch', 'draft', timing)).toBe('scheduled')
    expect(outcome('resume', 'paused', timing)).toBe('scheduled')
  })

  test('what has ended never moves again', () => {
    for (const order of ORDERS)
      for (const status of ['completed', 'canceled'] as const)
        expect(stepFor(order, status, 'now').kind).not.toBe('move')
  })
})

test('a schedule lies ahead, has passed, or recurs', () => {
  const now = Date.UTC(2026, 10, 27, 12)
  expect(timingOf(undefined, now)).toBe('now')
  expect(timingOf({ startAt: '2026-11-27T09:00:00-03:00' }, now)).toBe('now')
  expect(timingOf({ startAt: '2026-11-27T09:00:01-03:00' }, now)).toBe('later')
  expect(timingOf({ cron: '0 9 * * *' }, now)).toBe('recurring')
})

test('a run is named by its minute, and has no schedule of its own', () => {
  expect(runId('0mwpx6sq4k2lnftc', Date.UTC(2026, 10, 30, 12, 0, 59))).toBe('0mwpx6sq4k2lnftc-202611301200')
  expect(runSpec({ name: 'x', schedule: { cron: '* * * * *' } })).toEqual({ name: 'x' })
})

describe('a chunk', () => {
  const one = { names: ['a'], to: [1, 2], refs: null, columns: [['x', 'y']] }
  const other = { names: ['a'], to: [3], refs: ['r'], columns: [['z']] }

  test('is unpacked as it was packed', () => expect(unpackChunk(packChunk(other).json)).toEqual(other))
  test('joins another', () =>
    expect(joinChunks(one, other)).toEqual({
      names: ['a'],
      to: [1, 2, 3],
      refs: [null, null, 'r'],
      columns: [['x', 'y', 'z']],
    }))
  test('gives some of its rows', () =>
    expect(pickRows(one, [1])).toEqual({ names: ['a'], to: [2], refs: null, columns: [['y']] }))
  test('is nothing else', () => expect(() => unpackChunk('[]')).toThrow(TypeError))
})
