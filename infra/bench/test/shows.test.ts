import { describe, expect, test } from 'vitest'

import { runCampaigns } from '../src/campaigns.ts'
import type { Figure } from '../src/figure.ts'
import { runFuzz } from '../src/fuzz.ts'
import type { RunPart } from '../src/part.ts'
import { runReport } from '../src/report.ts'
import { runStorm } from '../src/storm.ts'
import { runWhileSending } from '../src/while-sending.ts'

/** How fast it is says nothing on a machine that runs other tests; whether it is right does. */
const TIMINGS = new Set(['ms', 'statuses/s', 'messages/s', 'events/s', '×'])

async function small(run: RunPart): Promise<readonly Figure[]> {
  const figures = await run({ parts: [], rounds: 1, quick: true, profile: false, say: () => {} })
  return figures.filter(({ unit, reach }) => reach !== null && !TIMINGS.has(unit))
}

describe.concurrent('what is shown of statuses, in small', { timeout: 120_000 }, () => {
  test.each([
    ['events of campaigns while status-workers are killed', runStorm, ['numbers', 'kills']],
    ['statuses while messages are sent', runWhileSending, ['answers']],
    ['hostile bodies', runFuzz, ['answers', 'answers']],
    ['campaigns, more than are exported', runCampaigns, ['series']],
  ] as const)('%s', async (_name, run, units) => {
    const figures = await small(run)
    expect(figures.map(({ unit }) => unit)).toEqual(units)
    expect(figures.filter(({ ok }) => ok !== true)).toEqual([])
  })

  test('the report of a campaign uploaded in one go says how many there are', async () => {
    await expect(small(runReport)).resolves.toEqual([])
  })
})
