import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { NUMBER, phones, SECRET, startReceiver, startSimulator, unlimited } from './bench.ts'
import type { Bench, ReceivedStatus, Receiver } from './bench.ts'

const ANA = 5_511_912_345_678
const FAST = {
  sentAfterMs: [0, 20],
  deliveredAfterMs: [0, 20],
  readAfterMs: [0, 20],
  failedAfterMs: [0, 20],
  duplicateAfterMs: [0, 20],
  flushMs: 5,
  retryBaseMs: 5,
  retryMaxMs: 20,
}

async function start(webhooks: object, ...others: readonly object[]): Promise<Bench & { readonly receiver: Receiver }> {
  const receiver = await startReceiver()
  return {
    ...(await startSimulator(unlimited(), { webhooks: { ...FAST, url: receiver.url, ...webhooks } }, ...others)),
    receiver,
  }
}

/** What each message was told, from the bodies that were answered 200. */
function toldBy(bodies: readonly { readonly statuses: readonly ReceivedStatus[] }[]): Map<string, Set<string>> {
  const told = new Map<string, Set<string>>()
  for (const { id, status } of bodies.flatMap(({ statuses }) => statuses))
    told.set(id, (told.get(id) ?? new Set<string>()).add(status))
  return told
}

function countOf(told: Map<string, Set<string>>, holds: (statuses: Set<string>) => boolean): number {
  return [...told.values()].filter(holds).length
}

test('webhooks are signed over their bytes, and the ledger counts what they told', async () => {
  const { send, idle, summary, receiver } = await start(
    { shuffledShare: 1, duplicateShare: 0.5 },
    { delivery: { failedShare: 0.2, deliveredShare: 0.8, readWithoutDeliveredShare: 0.3 } },
  )
  await Promise.all(phones(400).map((phone) => send(phone)))
  await idle()
  for (const { text, signature } of receiver.bodies) {
    expect(signature).toBe(`sha256=${createHmac('sha256', SECRET).update(text).digest('hex')}`)
  }
  const { told, truth, webhooks } = await summary()
  const seen = toldBy(receiver.bodies)
  const read = countOf(seen, (statuses) => statuses.has('read'))
  const delivered = countOf(seen, (statuses) => statuses.has('delivered') || statuses.has('read'))
  // The route is only told with a price, and there is none for what failed.
  expect(told).toEqual({ ...truth, marketing_lite: told.sent })
  expect(told).toMatchObject({
    read,
    delivered,
    sent: countOf(seen, (statuses) => statuses.has('sent') || statuses.has('delivered') || statuses.has('read')),
    failed: countOf(seen, (statuses) => statuses.has('failed')),
  })
  expect(read).toBeGreaterThan(20)
  expect(countOf(seen, (statuses) => statuses.has('read') && !statuses.has('delivered'))).toBeGreaterThan(5)
  const posted = receiver.bodies.reduce((sum, { statuses }) => sum + statuses.length, 0)
  expect(webhooks).toMatchObject({
    pending: 0,
    acknowledged: posted,
    lost: 0,
    dropped: 0,
    abandoned: 0,
    bodies: { acknowledged: receiver.bodies.length, failed: 0 },
  })
})

test('a receiver that fails gets everything again until it answers 200', async () => {
  const { send, idle, summary, receiver } = await start({ batchMax: 10 })
  const refused: number[] = []
  receiver.answer = ({ statuses }) => {
    const status = [503, 0, 401, 200][refused.length % 4] ?? 200
    refused.push(status === 200 ? 0 : statuses.length)
    return status
  }
  await Promise.all(phones(60).map((phone) => send(phone)))
  await idle()
  const { told, truth, webhooks } = await summary()
  expect(told).toEqual(truth)
  expect(webhooks.bodies.failed).toBe(refused.filter((count) => count > 0).length)
  expect(webhooks.bodies.failed).toBeGreaterThan(0)
})

test('what is given up after the last retry is counted, and was not told', async () => {
  const { send, idle, summary, receiver } = await start({ retriesMax: 2 })
  receiver.answer = () => 500
  await send(ANA)
  await idle()
  const { told, truth, webhooks, recipients } = await summary()
  expect(truth.sent).toBe(1)
  expect(told).toMatchObject({ sent: 0, delivered: 0, marketing_lite: 0 })
  expect(webhooks.abandoned).toBeGreaterThanOrEqual(2)
  expect(recipients.implied.accepted).toBe(1)
})

test('lost webhooks leave the truth and what was told apart', async () => {
  const { send, idle, summary } = await start({ lostShare: 0.5 })
  await Promise.all(phones(200).map((phone) => send(phone)))
  await idle()
  const { told, truth, webhooks } = await summary()
  expect(truth.delivered).toBe(200)
  expect(told.delivered).toBeLessThan(190)
  expect(told.delivered).toBeGreaterThan(50)
  expect(webhooks.lost).toBeGreaterThan(100)
})

test('a webhook settles a lost answer', async () => {
  const { send, idle, summary } = await start(
    {},
    { answers: { lostShare: 1, lostKinds: ['reset', 'reset_unprocessed'] } },
  )
  await Promise.all(phones(100).map((phone) => send(phone)))
  await idle()
  const { recipients } = await summary()
  expect(recipients.implied).toEqual({
    accepted: recipients.processed,
    unknown: 100 - recipients.processed,
    rejected: 0,
  })
  expect(recipients.unknownButProcessed).toBe(0)
})

test('a status can be there before the answer', async () => {
  const { send, receiver } = await start({}, { answers: { earlyStatusShare: 1 } })
  const before: number[] = []
  for (const phone of phones(10)) {
    await send(phone)
    before.push(
      receiver.bodies.filter(({ statuses }) =>
        statuses.some(({ biz_opaque_callback_data: data }) => data?.includes(phone.toString(36))),
      ).length,
    )
  }
  expect(before.every((bodies) => bodies >= 1)).toBe(true)
})

test('bodies hold as many statuses as they are told to, and wait while they are told to', async () => {
  const { send, idle, control, receiver } = await start({ paused: true, batchMin: 20, batchMax: 20 })
  await Promise.all(phones(50).map((phone) => send(phone)))
  expect(receiver.bodies).toHaveLength(0)
  await control('POST', '/config', { webhooks: { paused: false } })
  await idle()
  expect(Math.max(...receiver.bodies.map(({ statuses }) => statuses.length))).toBe(20)
})

test('held messages come out later, or fail with 132015', async () => {
  const { send, idle, summary } = await start({}, { answers: { heldShare: 1, heldDroppedShare: 0.5, heldForMs: 10 } })
  const met = await Promise.all(phones(60).map((phone) => send(phone)))
  expect(met.every((answer) => 'body' in answer && answer.body.includes('"held_for_quality_assessment"'))).toBe(true)
  await idle()
  const { told, truth, failedByCode } = await summary()
  expect(told).toEqual({ ...truth, marketing_lite: told.sent })
  expect(told).toMatchObject({ held: 0, sent: 60 - told.failed })
  expect(failedByCode.told).toEqual({ 132015: told.failed })
  expect(told.failed).toBeGreaterThan(10)
})

test('custom webhooks are posted at once, signed as told, and the answer comes back', async () => {
  const { control, send, receiver, idle, summary } = await start({})
  receiver.answer = ({ signature }) => (signature?.startsWith('sha256=') === true ? 200 : 401)
  const stop = { kind: 'user_preferences', recipient: `+${ANA}`, value: 'stop' }
  expect((await control('POST', '/webhooks', stop)).body).toEqual({ answers: [200] })
  expect((await control('POST', '/webhooks?signing=missing&times=2', { kind: 'raw', body: 'x' })).body).toEqual({
    answers: [401, 401],
  })
  const [first] = receiver.bodies
  expect(JSON.parse(first?.text ?? '')).toMatchObject({
    entry: [{ changes: [{ field: 'user_preferences', value: { metadata: { phone_number_id: NUMBER } } }] }],
  })
  // The endpoint remembers who stopped.
  await send(ANA)
  await idle()
  expect((await summary()).failedByCode.told).toEqual({ 131050: 1 })
})

test('no more statuses wait than are allowed; the rest is dropped and counted', async () => {
  const { send, summary, control, idle } = await start({ paused: true, pendingMax: 10 })
  await Promise.all(phones(20).map((phone) => send(phone)))
  const before = (await summary()).webhooks
  expect(before).toMatchObject({ pending: 10, acknowledged: 0 })
  expect(before.dropped).toBeGreaterThan(20)
  await control('POST', '/config', { webhooks: { paused: false } })
  await idle()
  expect((await summary()).webhooks).toMatchObject({ pending: 0, acknowledged: 10, dropped: before.dropped })
})
