import { Ledger, MessageIds, Senders } from '@chasqui/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { bodyOf, nameless, NAMELESS_SENDER, SENDER, status, statusesBody, until, World } from './world.ts'
import type { Status, Worker } from './world.ts'

let world: World
let worker: Worker
let ids: MessageIds

beforeAll(async () => {
  world = await World.begin()
  ids = new MessageIds(world.client, world.keys)
  worker = await world.start()
})

afterAll(async () => await world.end())

async function tell(statuses: readonly Status[]): Promise<void> {
  const metadata = { display_phone_number: '15550000002', phone_number_id: NAMELESS_SENDER.phoneNumberId }
  const answer = await worker.post(bodyOf('messages', { messaging_product: 'whatsapp', metadata, statuses }))
  expect(answer.status).toBe(200)
  await world.folded()
}

async function note(campaign: string, ordinals: readonly number[]): Promise<void> {
  await ids.note(
    NAMELESS_SENDER.id,
    campaign,
    ordinals.map((ordinal) => ({ messageId: `wamid.${campaign}.${ordinal}`, ordinal, attempt: 1 })),
  )
}

const waiting = async (): Promise<number> => await ids.waiting(NAMELESS_SENDER.id)
const sent = async (id: string): Promise<number> => (await world.counts(id))['delivery:sent'] ?? 0

describe('statuses without callback data', () => {
  test('are counted by the id of their message, once', async () => {
    await world.sentCampaign('known', 3, { sender: NAMELESS_SENDER.id })
    await note('known', [0, 1, 2])
    const statuses = [0, 1, 2].flatMap((ordinal) => [
      nameless('known', ordinal, 'sent'),
      nameless('known', ordinal, 'read'),
    ])
    await tell([...statuses, ...statuses.slice(2)])
    await tell(statuses)
    expect(await world.counts('known')).toMatchObject({ 'delivery:sent': 3, 'delivery:read': 3 })
    expect(await waiting()).toBe(0)
    expect(await world.recount('known')).toEqual([])
    expect(await worker.metric('chasqui_webhook_lag_seconds_count')).toBe(statuses.length * 2 + statuses.length - 2)
  })

  test('do not say that a recipient whose answer was lost was not sent to: no id could settle it', async () => {
    const senders = new Senders(world.client, world.keys)
    // Also while callback data still come, of what was sent before the sender left them out.
    await tell([status('known', 0, 'sent'), nameless('known', 1, 'sent')])
    expect(await senders.webhooksUntil(NAMELESS_SENDER.id)).toBe(0)
    await world.sentCampaign('echoed', 1)
    await worker.post(statusesBody([status('echoed', 0, 'sent')]))
    await world.folded()
    expect(await senders.webhooksUntil(SENDER.id)).toBeGreaterThan(0)
  })

  test('that are here before the answer of the send wait, also while the worker is killed, and are joined', async () => {
    await world.runningCampaign('early', 3, { sender: NAMELESS_SENDER.id })
    await tell([nameless('early', 0, 'sent'), nameless('early', 0, 'delivered'), nameless('early', 1, 'sent')])
    expect(await waiting()).toBe(2)
    worker.app.signal('SIGKILL')
    await worker.app.exited
    // A send-worker hears the answer now: first the id, then the settlement.
    const ledger = new Ledger(world.client, world.keys)
    const ask = { campaign: 'early', chunk: 0, token: 't', fromRow: 0, most: 3, leaseMs: 60_000, marginMs: 0 }
    await ledger.claim({ ...ask, claimant: 'test', remembered: 0, bornAt: Date.now() })
    await note('early', [0])
    await ledger.settle('early', 0, 't', [{ row: 0, move: { kind: 'accepted', facts: 0 } }])
    // The answer of the second is lost: the id was noted, its settlement never came.
    await note('early', [1])
    await ledger.settle('early', 0, 't', [{ row: 1, move: { kind: 'unknown' } }])
    worker = await world.start()
    await until(async () => (await waiting()) === 0)
    expect(await world.counts('early')).toMatchObject({
      accepted: 2,
      sending: 1,
      'delivery:sent': 2,
      'delivery:delivered': 1,
      'settled:message_id': 1,
    })
    expect(await world.recount('early')).toEqual([])
  })

  test('of a message that nobody sent lie in the dead letters after their time, and count once they are fed again', async () => {
    await worker.app.stop()
    worker = await world.start({ UNKNOWN_MESSAGE_SECONDS: '1' })
    await world.sentCampaign('foreign', 1, { sender: NAMELESS_SENDER.id })
    await tell([nameless('foreign', 0, 'sent')])
    await until(async () => (await waiting()) === 0)
    const letter = (await world.deadLetters()).find(({ reason }) => reason === 'unknown_message')
    expect(letter?.body).toContain('wamid.foreign.0')
    expect(await worker.metric('chasqui_webhook_unmatched_total{reason="unknown_message"}')).toBe(1)
    await note('foreign', [0])
    expect((await worker.post(letter?.body ?? '')).status).toBe(200)
    await until(async () => (await sent('foreign')) === 1)
  })

  test('of a sender that came into SENDERS_FILE while the worker runs are matched as well', async () => {
    const added = { ...NAMELESS_SENDER, id: 'added', phoneNumberId: '106500000000003' }
    const mistaken = { ...added, correlation: 'telepathy' }
    world.configure([SENDER, NAMELESS_SENDER, mistaken])
    await worker.app.waitFor(/senders cannot be read; going on with those known/)
    world.configure([SENDER, NAMELESS_SENDER, added])
    await worker.app.waitFor(/senders changed/)
    await world.sentCampaign('newcomer', 1, { sender: added.id })
    await ids.note(added.id, 'newcomer', [{ messageId: 'wamid.newcomer.0', ordinal: 0, attempt: 1 }])
    const metadata = { display_phone_number: '15550000003', phone_number_id: added.phoneNumberId }
    const statuses = [nameless('newcomer', 0, 'read')]
    await worker.post(bodyOf('messages', { messaging_product: 'whatsapp', metadata, statuses }))
    await until(async () => (await world.counts('newcomer'))['delivery:read'] === 1)
  })

  test('of other senders are let go, as before', async () => {
    const { biz_opaque_callback_data: _echo, ...rest } = status('known', 0, 'sent')
    const metadata = { phone_number_id: '106500000000001' }
    await worker.post(bodyOf('messages', { metadata, statuses: [rest] }))
    await world.folded()
    expect(await waiting()).toBe(0)
  })
})
