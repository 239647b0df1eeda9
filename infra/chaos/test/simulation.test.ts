import { expect, test } from 'vitest'

import { runHistory } from '../src/simulation/history.ts'

/** Seeds of this run: `CHAOS_SEEDS=100000 CHAOS_FIRST=0` for the large form; a failing seed replays with `CHAOS_FIRST=<seed> CHAOS_SEEDS=1`. */
const SEEDS = Number(process.env['CHAOS_SEEDS'] ?? 2_000)
const FIRST = Number(process.env['CHAOS_FIRST'] ?? 1)

test('the laws hold in every simulated history: crashes, freezes, replays, rollbacks, webhooks in any order', () => {
  const totals: Record<string, number> = {}
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const history = runHistory(seed)
    expect(history.violation, `seed ${seed}`).toBeNull()
    for (const [what, times] of Object.entries(history.tally)) totals[what] = (totals[what] ?? 0) + times
  }
  // Histories in which nothing happened would prove nothing.
  for (const what of ['steps', 'claims', 'posts', 'faults']) expect(totals[what], what).toBeGreaterThan(SEEDS)
  expect(totals['rollbacks']).toBeGreaterThan(SEEDS / 100)
}, 600_000)
