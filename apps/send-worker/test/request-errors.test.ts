import { REFUSAL_RUN_LIMITS } from '@chasqui/delivery'
import { afterEach, expect, test } from 'vitest'

import { Bench } from './bench.ts'

let bench: Bench
afterEach(async () => {
  await bench.stop()
})

const BROKEN = { answers: { rejectedShare: 1, rejectedCodes: [132012] } }
const MENDED = { answers: { rejectedShare: 0 } }
const WORKERS = 2
const CONCURRENCY = 8
/** What was on the wire of all workers when the run began or when it was found out, and what each had not told yet. */
const SLACK = WORKERS * (2 * CONCURRENCY + 2)

async function held(id: string): Promise<Record<string, number>> {
  return await bench.until(id, ({ sending }, status) => status === 'paused' && sending === 0)
}

async function resume(id: string): Promise<void> {
  await bench.campaigns.move({ id, from: 'paused', to: 'running' })
  await bench.askVisits(id)
}

test('errors of requests that begin in the middle of a list hold it after a few in all workers together; resumed, it goes on', async () => {
  bench = await Bench.start({ messagesPerSecond: 300, env: { SEND_CONCURRENCY: String(CONCURRENCY) } })
  const id = await bench.createCampaign(900)
  await bench.launch(id)
  const workers = await Promise.all(Array.from({ length: WORKERS }, async () => await bench.startWorker()))
  await bench.until(id, ({ accepted }) => (accepted ?? 0) > 350)
  await bench.configureSimulator(BROKEN)

  const first = await held(id)
  expect(await bench.client.hget(bench.keys.campaign(id), 'reason')).toBe('code_132012')
  expect(workers.flatMap(({ lines }) => lines.filter((line) => line.includes('campaign paused')))).toHaveLength(1)
  expect(first['rejected']).toBeGreaterThanOrEqual(REFUSAL_RUN_LIMITS.proven)
  expect(first['rejected']).toBeLessThanOrEqual(REFUSAL_RUN_LIMITS.proven + SLACK)

  // Resumed too soon it is held again, and sooner, for it has to prove itself anew.
  await resume(id)
  const second = await held(id)
  const more = (second['rejected'] ?? 0) - (first['rejected'] ?? 0)
  expect(more).toBeGreaterThanOrEqual(REFUSAL_RUN_LIMITS.unproven)
  expect(more).toBeLessThanOrEqual(REFUSAL_RUN_LIMITS.unproven + SLACK)
  expect(second['accepted']).toBe(first['accepted'])

  await bench.configureSimulator(MENDED)
  await resume(id)
  const last = await bench.completed(id, 30_000)
  expect(last['rejected']).toBe(second['rejected'])
  expect((last['accepted'] ?? 0) + (last['rejected'] ?? 0)).toBe(900)
  expect((await bench.witness(id)).recipients.doubled).toBe(0)
  expect(await bench.miscounts(id)).toEqual([])
}, 60_000)
