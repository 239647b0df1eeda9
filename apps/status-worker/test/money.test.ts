import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { SenderFailures } from '@chasqui/store'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { SENDER, status, statusesBody, until, World } from './world.ts'
import type { Status, Worker } from './world.ts'

const CARD = `country,category,price,currency,valid_from
BR,marketing_lite,0.0625,USD,2026-01-01
BR,marketing_lite,99,USD,2099-01-01
+91,marketing_lite,0.000001,USD,2026-01-01
`

let world: World
let worker: Worker
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rate-card-'))
  await writeFile(join(folder, 'card.csv'), CARD)
  world = await World.begin()
  worker = await world.start({ RATE_CARD_FILE: join(folder, 'card.csv') })
})

afterAll(async () => {
  await world.end()
  await rm(folder, { recursive: true })
})

/** The same numbers for the same seed: a test that fails can be run again. */
function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  let state = seed
  const next = (): number => (state = (state * 48_271) % 2_147_483_647)
  return items
    .map((item) => ({ item, place: next() }))
    .toSorted((left, right) => left.place - right.place)
    .map(({ item }) => item)
}

/** What the recipients of one kind are told, how often, and what it makes of them. */
const KINDS: readonly {
  readonly words: readonly string[]
  readonly pricing: object | null
  readonly recipient?: string
  readonly counts: string | null
}[] = [
  {
    words: ['sent', 'delivered', 'read'],
    pricing: { type: 'regular', category: 'marketing_lite' },
    counts: 'marketing_lite:BR',
  },
  { words: ['sent'], pricing: { type: 'regular', category: 'marketing_lite' }, counts: null },
  { words: ['read'], pricing: { billable: true, category: 'marketing' }, counts: 'marketing:BR' },
  {
    words: ['sent', 'delivered'],
    pricing: { type: 'free_entry_point', category: 'marketing_lite' },
    counts: 'free:BR',
  },
  { words: ['sent', 'delivered'], pricing: { type: 'regular', category: 'utility' }, counts: 'utility:BR' },
  { words: ['delivered'], pricing: null, counts: null },
  // People known by a username: their number is in what was sent to.
  {
    words: ['sent', 'delivered'],
    pricing: { type: 'regular', category: 'marketing_lite' },
    recipient: '',
    counts: 'marketing_lite:BR',
  },
  {
    words: ['sent', 'delivered'],
    pricing: { type: 'regular', category: 'marketing_lite' },
    recipient: '919876543210',
    counts: 'marketing_lite:IN',
  },
]

test('a message is billed once, by its category and its country, however often and in whatever order Meta tells of it', async () => {
  const N = 640
  await world.sentCampaign('money', N)
  const statuses: Status[] = []
  const expected: Record<string, number> = {}
  for (let ordinal = 0; ordinal < N; ordinal++) {
    const kind = KINDS[ordinal % KINDS.length]
    if (kind === undefined) throw new Error('no kinds')
    const { words, pricing, recipient, counts } = kind
    if (counts !== null) expected[`price:${counts}`] = (expected[`price:${counts}`] ?? 0) + 1
    const more = { pricing: pricing ?? undefined, ...(recipient === undefined ? {} : { recipient_id: recipient }) }
    for (const word of words) statuses.push(status('money', ordinal, word, more))
  }
  const noisy = shuffled([...statuses, ...statuses.slice(0, 800)], 11)
  for (let from = 0; from < noisy.length; from += 37) {
    const answer = await worker.post(statusesBody(noisy.slice(from, from + 37)))
    expect(answer.status).toBe(200)
  }
  await world.folded()
  const counts = Object.entries(await world.counts('money')).filter(([field]) => field.startsWith('price:'))
  expect(Object.fromEntries(counts)).toEqual(expected)
  expect(await world.recount('money')).toEqual([])

  // 160 in Brazil at 0.0625, 80 in India at a millionth; 80 by a fallback and 80 as utility have no price here.
  const cost = 'chasqui_campaign_cost{campaign="money",currency="USD"}'
  await until(async () => (await worker.metric(cost)) === 10.00008)
  const metric = async (series: string): Promise<number | null> => await worker.metric(`chasqui_campaign_${series}`)
  expect(await metric('billable_messages{campaign="money",category="marketing_lite"}')).toBe(240)
  expect(await metric('billable_messages{campaign="money",category="marketing"}')).toBe(80)
  expect(await metric('unpriced_messages{campaign="money"}')).toBe(160)
})

test('failures show by their code', async () => {
  await world.sentCampaign('failing', 12)
  const failed = Array.from({ length: 12 }, (_, ordinal) => {
    const errors = [{ code: ordinal < 2 ? 131_049 : 131_000 + ordinal }]
    return status('failing', ordinal, 'failed', { errors })
  })
  await worker.post(statusesBody([...failed, ...failed]))
  const show = async (code: string): Promise<number | null> =>
    await worker.metric(`chasqui_campaign_failures{campaign="failing",code="${code}"}`)
  await until(async () => (await show('131049')) === 2)
  const senders = new SenderFailures(world.client, world.keys)
  await until(async () => (await senders.read(SENDER.id, Date.now(), 1)).length === 11)
  expect((await senders.read(SENDER.id, Date.now(), 1))[0]).toEqual({ code: '131049', refused: 0, failed: 2 })
  expect(await worker.metric('chasqui_failed_messages_total{sender="main",code="131049"}')).toBe(2)
  // Eleven codes: the tenth least and the last are no series of their own.
  expect(await show('other')).toBe(1)
})

test('a wrong rate card stops the process with a line for each mistake', async () => {
  await writeFile(join(folder, 'wrong.csv'), CARD.replace('BR,marketing_lite,99', 'BR,marketing_lite,a lot'))
  const app = world.spawn({ RATE_CARD_FILE: join(folder, 'wrong.csv') })
  expect((await app.exited).code).toBe(78)
  expect(app.lines.join('\n')).toContain('RATE_CARD: line 3, price: found "a lot", allowed: a price of one message')
})
