import { spawnApp } from '@chasqui/harness'
import type { App } from '@chasqui/harness'
import { afterEach, describe, expect, test } from 'vitest'

import { Bench, SENDER } from './bench.ts'
import type { Witness } from './bench.ts'

let bench: Bench
let statusWorker: App | null = null
afterEach(async () => {
  await statusWorker?.stop()
  statusWorker = null
  await bench.stop()
})

const RESEND = { onUnknown: 'resend' }

/** A real one, that the simulator tells of its messages. */
async function startStatusWorker(): Promise<void> {
  statusWorker = spawnApp({
    name: 'status-worker',
    env: {
      REDIS_URL: bench.redis.url,
      REDIS_PREFIX: bench.keys.prefix,
      SENDERS_FILE: bench.sendersFile,
      WEBHOOK_VERIFY_TOKEN: 'verify',
      WEBHOOK_APP_SECRETS: 'simulator-app-secret',
      PORT: '0',
      METRICS_PORT: '0',
    },
  })
  const { port } = await statusWorker.ready()
  await bench.configureSimulator({ webhooks: { url: `http://127.0.0.1:${port}/webhooks/whatsapp` } })
}

test('the last lost answer of a campaign that runs alone is made up for once all others are told of', async () => {
  // So long a window that nothing which happens to the others soon after can be later than half of it.
  bench = await Bench.start({ env: { RESEND_WINDOW_MS: '2500' } })
  await startStatusWorker()
  const id = await bench.createCampaign(12, RESEND)
  await bench.script({ 4: { answers: ['reset_unprocessed', 'accepted'] }, 6: { answers: ['reset'] } })
  await bench.launch(id)
  await bench.startWorker()
  const counts = await bench.completed(id, 90_000)
  // Who got it is known by a status; who did not got it at the second try.
  expect(counts).toMatchObject({ accepted: 12, 'settled:callback_data': 1, 'settled:resend': 1 })
  expect((await bench.witness(id)).recipients).toMatchObject({ doubled: 0, seen: 12 })
}, 120_000)

describe('a sender that left callback data out and no longer does', () => {
  test('sends nobody again whose answer was lost, however webhooks flow', async () => {
    bench = await Bench.start({ messagesPerSecond: 40, env: { RESEND_WINDOW_MS: '1000' } })
    await bench.configureSender({ correlation: 'message_id' })
    const id = await bench.createCampaign(60, RESEND)
    // It was taken: only the id of the message, which nobody heard, could have proven it.
    await bench.script({ 2: { answers: ['reset', 'accepted'] } })
    await bench.launch(id)
    const worker = await bench.startWorker()
    await bench.until(id, ({ accepted, unknown }) => (accepted ?? 0) > 5 && unknown === 1)
    await bench.campaigns.move({ id, from: 'running', to: 'paused', reason: 'api' })

    await bench.configureSender({})
    await expect
      .poll(() => worker.lines.filter((line) => line.includes('sender at work')).length, { timeout: 20_000 })
      .toBe(2)
    await bench.senders.noteWebhook(SENDER, Date.now() + 3_600_000)
    await bench.client.hset(bench.keys.receiver(), { seen: Date.now() + 3_600_000, steady: 0 })
    await bench.campaigns.move({ id, from: 'paused', to: 'running' })
    await bench.askVisits(id)
    expect(await bench.completed(id, 30_000)).toMatchObject({ accepted: 59, unknown: 1 })
    // Of all there is: messages without callback data name no campaign.
    const summary = (await (await fetch(`${bench.simulator}/_simulator/summary`)).json()) as Witness
    expect(summary.recipients).toMatchObject({ doubled: 0, seen: 60 })
  }, 60_000)
})
