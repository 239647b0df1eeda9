import type { SettledRow, SettleReply } from '@chasqui/store'
import { expect, test } from 'vitest'

import { ClaimSettler } from './settler.ts'

const REPLY: SettleReply = { now: 1, settled: 1, stale: 0, completed: false }
const row = (index: number): SettledRow => ({ row: index, move: { kind: 'accepted', facts: 0 } })

/** Keeps what was written; each of `failures` makes one write fail first. */
function settlerOf(
  rows: number,
  failures: readonly Error[] = [],
): { settler: ClaimSettler; writes: number[][]; troubles: unknown[] } {
  const writes: number[][] = []
  const troubles: unknown[] = []
  const left = [...failures]
  const settler = new ClaimSettler({
    ledger: {
      settle: async (campaign, chunk, token, settled) => {
        expect([campaign, chunk, token]).toEqual(['c', 3, 't'])
        const failure = left.shift()
        if (failure !== undefined) throw failure
        writes.push(settled.map((one) => one.row))
        return REPLY
      },
    },
    campaign: 'c',
    chunk: 3,
    token: 't',
    rows,
    onSettled: () => {},
    onTrouble: (error) => troubles.push(error),
  })
  return { settler, writes, troubles }
}

test('outcomes that come close together are written down by one script', async () => {
  const { settler, writes } = settlerOf(10)
  for (const index of [0, 1, 2]) settler.add(row(index))
  await expect.poll(() => writes).toEqual([[0, 1, 2]])
})

test('the last one of a claim is not waited with', async () => {
  const { settler, writes } = settlerOf(2)
  settler.add(row(0))
  settler.add(row(1))
  expect(writes).toEqual([[0, 1]])
  await settler.written()
})

test('it is done when everything is written down, and writes nothing twice', async () => {
  const { settler, writes } = settlerOf(5)
  settler.add(row(0))
  await settler.written()
  settler.add(row(1))
  await settler.written()
  await settler.written()
  expect(writes).toEqual([[0], [1]])
})

test('an outcome is kept until Redis has taken it', async () => {
  const { settler, writes, troubles } = settlerOf(1, [new Error('Connection is closed.'), new Error('READONLY')])
  settler.add(row(0))
  await settler.written()
  expect([writes, troubles.length]).toEqual([[[0]], 2])
})
