import { afterEach, expect, test } from 'vitest'

import { Bench } from './bench.ts'

let bench: Bench
afterEach(async () => {
  await bench.stop()
})

async function posts(campaign: string): Promise<number> {
  return (await bench.witness(campaign)).requests.received
}

/** Waits until the endpoint has heard so many of a campaign's messages. */
async function heard(campaign: string, messages: number): Promise<void> {
  await expect.poll(async () => await posts(campaign), { timeout: 25_000, interval: 50 }).toBeGreaterThan(messages)
}

/** More chunks than both workers visit at a time, at a limit that one chunk keeps busy for long. */
const LARGE = 12_000

test('campaigns of one sender interleave, whoever was first, and a high priority has more of it', async () => {
  bench = await Bench.start({ messagesPerSecond: 100 })
  const large = await bench.createCampaign(LARGE)
  const [small, low, high] = [
    await bench.createCampaign(500),
    await bench.createCampaign(2_000, { priority: 'low' }),
    await bench.createCampaign(2_000, { priority: 'high' }),
  ]
  await bench.launch(large)
  await Promise.all([bench.startWorker(), bench.startWorker()])
  await heard(large, 100)
  // One chunk, that one worker's job brings: the other worker has it for its turns only if it looks for it.
  await bench.launch(small)
  await heard(small, 20)
  const [large0, small0] = [await posts(large), await posts(small)]
  await heard(small, small0 + 150)
  const [largeShare, smallShare] = [(await posts(large)) - large0, (await posts(small)) - small0]
  // Equal but for what the beginning made up for; without turns it waits for some 80 seconds.
  const share = smallShare / (smallShare + largeShare)
  expect(share).toBeGreaterThan(0.35)
  expect(share).toBeLessThan(0.75)
  for (const id of [large, small]) await bench.campaigns.move({ id, from: 'running', to: 'canceled' })
  await bench.launch(low)
  await bench.launch(high)
  await heard(low, 20)
  const [low0, high0] = [await posts(low), await posts(high)]
  await heard(high, high0 + 150)
  const [lowShare, highShare] = [(await posts(low)) - low0, (await posts(high)) - high0]
  expect(highShare).toBeGreaterThan(2 * lowShare)
  expect(lowShare).toBeGreaterThan(0)
}, 90_000)
