import { ERROR_TABLE } from '@chasqui/delivery'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { Bench, SENDER } from './bench.ts'

let bench: Bench
beforeEach(async () => {
  bench = await Bench.start()
})
afterEach(async () => {
  await bench.stop()
})

test('every code that asks for another try brings its recipient back, no sooner than its row says, and rejects nobody', async () => {
  const rows = ERROR_TABLE.flatMap(({ code, follow }) => (follow.kind === 'retry' ? [{ code, follow }] : []))
  const soon = rows.filter(({ follow }) => follow.seconds < 10)
  const id = await bench.createCampaign(rows.length + 20)
  await bench.script(Object.fromEntries(rows.map(({ code }, index) => [index + 20, { answers: [code, 'accepted'] }])))
  const began = Date.now()
  await bench.launch(id)
  await bench.startWorker()
  const counts = await bench.until(id, ({ accepted }) => accepted === 20 + soon.length)
  expect(counts).toMatchObject({ pending: rows.length - soon.length, sending: 0 })
  expect(counts['rejected'] ?? 0).toBe(0)
  for (const [index, { code, follow }] of rows.entries()) {
    const due = await bench.client.zscore(bench.keys.retries(id), String(index + 20))
    if (follow.seconds < 10) expect([code, due]).toEqual([code, null])
    else expect(Number(due), `code ${code}`).toBeGreaterThanOrEqual(began + follow.seconds * 1_000)
  }
})

test('many who are to be tried again at once are spread over time, and none is lost by it', async () => {
  const row = ERROR_TABLE.find(({ follow }) => follow.kind === 'retry' && follow.seconds >= 10)
  if (row?.follow.kind !== 'retry') throw new Error('no code waits that long')
  // Slowly, and every eighth is accepted: a longer run of the same error would hold the campaign.
  await bench.client.hset(bench.keys.rate(SENDER), 'limit', '100')
  const refused = Array.from({ length: 320 }, (_, index) => index).filter((index) => index % 8 > 0)
  const id = await bench.createCampaign(320)
  await bench.script(Object.fromEntries(refused.map((index) => [index, { answers: [row.code, 'accepted'] }] as const)))
  const began = Date.now()
  await bench.launch(id)
  await bench.startWorker()
  const waiting = async () => await bench.client.zcard(bench.keys.retries(id))
  await expect.poll(waiting, { timeout: 25_000 }).toBe(refused.length)
  expect(await bench.until(id, ({ sending }) => sending === 0)).toMatchObject({ accepted: 40, pending: 280 })
  const [, last] = await bench.client.zrange(bench.keys.retries(id), '-1', '-1', 'WITHSCORES')
  // Their own waits differ by a quarter; a tenth of 100 requests a second, after twenty, takes 26 s.
  expect(Number(last)).toBeGreaterThan(began + row.follow.seconds * 1_250 + 15_000)
})

test('a campaign whose time passed while no worker ran sends nobody when one starts; all of it expires', async () => {
  const sendBy = Date.now() + 3_000
  const id = await bench.createCampaign(1_200, { sendBy: new Date(sendBy).toISOString() })
  await bench.launch(id)
  await expect.poll(() => Date.now(), { timeout: 10_000 }).toBeGreaterThan(sendBy)
  await bench.startWorker()
  expect(await bench.completed(id)).toMatchObject({ expired: 1_200, pending: 0 })
  expect((await bench.witness(id)).requests.received).toBe(0)
  expect(await bench.miscounts(id)).toEqual([])
})

test('maintenance (131057) stops the sender, and it goes on by itself when the block has ended', async () => {
  const number = (maintenance: boolean) => ({ numbers: { '106540352242922': { perSecond: 1_000, maintenance } } })
  await bench.configureSimulator(number(true))
  const id = await bench.createCampaign(30)
  await bench.launch(id)
  await bench.startWorker()
  const block = async () => (await bench.senders.blocks(SENDER, Date.now())).get('code_131057')
  await expect.poll(block, { timeout: 20_000 }).toBeDefined()
  expect(await bench.until(id, ({ sending }) => sending === 0)).toMatchObject({ pending: 30 })
  await bench.configureSimulator(number(false))
  // As if its two minutes were nearly over.
  const now = Date.now()
  await bench.senders.block(SENDER, 'code_131057', { since: now, until: now + 500, code: 131057, detail: 'account' })
  expect(await bench.completed(id)).toMatchObject({ accepted: 30 })
})
