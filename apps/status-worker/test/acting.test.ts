import { Senders } from '@chasqui/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { SENDER, status, statusesBody, until, World } from './world.ts'
import type { Worker } from './world.ts'

let world: World
let worker: Worker
const NOW = Math.floor(Date.now() / 1_000)

beforeAll(async () => {
  world = await World.begin()
  worker = await world.start()
})

afterAll(async () => await world.end())

/** Tell of something that happened `ago` seconds before the test began, on this account, and wait until it is acted upon. */
async function tell(field: string, value: unknown, ago: number, wabaId: string = SENDER.wabaId): Promise<void> {
  const entry = { id: wabaId, time: NOW - ago, changes: [{ field, value }] }
  const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [entry] })
  expect((await worker.post(body)).status).toBe(200)
  await world.folded()
}

async function standing(campaign: string): Promise<(string | null)[]> {
  return await world.client.hmget(world.keys.campaign(campaign), 'status', 'reason')
}

async function blocks(): Promise<Readonly<Record<string, number | null>>> {
  const inForce = await new Senders(world.client, world.keys).blocks(SENDER.id, Date.now())
  return Object.fromEntries([...inForce].map(([reason, block]) => [reason, block.until]))
}

describe('a template', () => {
  const template = (event: string, more: object = {}): unknown => ({
    event,
    message_template_id: 1,
    message_template_name: 'spring_sale',
    message_template_language: 'en-US',
    ...more,
  })
  const said = async (event: string, ago: number, more: object = {}, wabaId?: string): Promise<void> =>
    await tell('message_template_status_update', template(event, more), ago, wabaId)

  test('that is paused holds the campaigns that use it; approved again, it lets them go on', async () => {
    await world.runningCampaign('uses-it', 1)
    await said('paused', 500, { other_info: { title: 'FIRST_PAUSE' } })
    expect(await standing('uses-it')).toEqual(['paused', 'template_stopped'])
    await said('APPROVED', 490)
    expect(await standing('uses-it')).toEqual(['running', ''])
    // What Meta sends again, or late, is older than what is known.
    await said('PAUSED', 500)
    expect(await standing('uses-it')).toEqual(['running', ''])
  })

  test('of another name, language or account touches nothing, nor does a mere warning', async () => {
    await world.runningCampaign('other', 1)
    await said('PAUSED', 400, { message_template_name: 'winter_sale' })
    await said('PAUSED', 400, { message_template_language: 'pt_BR' })
    await said('PAUSED', 400, {}, '999')
    await said('FLAGGED', 400)
    expect(await standing('other')).toEqual(['running', ''])
  })

  test('of red quality, or of another category, is not sent; announcements change nothing', async () => {
    await world.runningCampaign('quality', 1)
    const about = { message_template_name: 'spring_sale', message_template_language: 'en_US' }
    const scored = async (to: string, ago: number): Promise<void> =>
      await tell('message_template_quality_update', { ...about, new_quality_score: to }, ago)
    await scored('RED', 360)
    expect(await standing('quality')).toEqual(['paused', 'template_quality'])
    await scored('YELLOW', 350)
    expect(await standing('quality')).toEqual(['running', ''])
    const category = { ...about, previous_category: 'MARKETING', new_category: 'UTILITY' }
    await tell('template_category_update', { ...about, new_category: 'MARKETING', correct_category: 'UTILITY' }, 345)
    expect(await standing('quality')).toEqual(['running', ''])
    await tell('template_category_update', category, 340)
    expect(await standing('quality')).toEqual(['paused', 'template_category'])
    await tell('template_category_update', { ...category, new_category: 'MARKETING' }, 330)
    expect(await standing('quality')).toEqual(['running', ''])
  })

  test('that is approved does not resume what an operator paused', async () => {
    await world.runningCampaign('by-hand', 1)
    await world.client.hset(world.keys.campaign('by-hand'), { status: 'paused', reason: 'operator' })
    await said('DISABLED', 300)
    await said('REINSTATED', 290)
    expect(await standing('by-hand')).toEqual(['paused', 'operator'])
  })
})

describe('an account', () => {
  test('that is restricted blocks its senders until the restriction ends', async () => {
    const expiration = NOW + 86_400
    const restriction_info = [{ restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration }]
    await tell('account_update', { event: 'ACCOUNT_RESTRICTION', restriction_info }, 200, '999')
    expect(await blocks()).toEqual({})
    await tell('account_update', { event: 'ACCOUNT_RESTRICTION', restriction_info }, 200)
    expect(await blocks()).toEqual({ account_restricted: expiration * 1_000 })
    await new Senders(world.client, world.keys).unblock(SENDER.id, 'account_restricted')
  })

  test('that is disabled blocks its senders until it is reinstated, whatever comes late', async () => {
    const ban = (state: string): unknown => ({ event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: state } })
    await tell('account_update', ban('SCHEDULE_FOR_DISABLE'), 110)
    expect(await blocks()).toEqual({})
    await tell('account_update', ban('DISABLE'), 100)
    expect(await blocks()).toEqual({ account_disabled: null })
    await tell('account_update', ban('REINSTATE'), 90)
    expect(await blocks()).toEqual({})
    await tell('account_update', ban('DISABLE'), 100)
    expect(await blocks()).toEqual({})
  })
})

describe('a number', () => {
  const upgrade = { display_phone_number: '+1 555-000-0001', event: 'THROUGHPUT_UPGRADE', current_limit: 'TIER_100K' }
  const learned = async (): Promise<number | null> =>
    (await new Senders(world.client, world.keys).pacing(SENDER.id)).said.learned

  test('that is not known to be ours teaches nothing; known by its other webhooks, it does', async () => {
    await tell('phone_number_quality_update', upgrade, 80)
    expect(await learned()).toBeNull()
    const unknown = 'chasqui_webhook_notices_total{about="number",result="nobody"}'
    expect(await worker.metric(unknown)).toBe(1)
    expect((await worker.post(statusesBody([status('nobody', 0, 'sent')]))).status).toBe(200)
    await tell('phone_number_quality_update', { ...upgrade, display_phone_number: '15550000002' }, 80)
    expect(await learned()).toBeNull()
    await tell('phone_number_quality_update', upgrade, 80)
    expect(await learned()).toBe(1_000)
  })

  test('has the messaging limit that was told last, by its number or by its account', async () => {
    const senders = new Senders(world.client, world.keys)
    expect(await senders.fact(SENDER.id, 'messaging_limit')).toEqual({ value: 'TIER_100K', at: (NOW - 80) * 1_000 })
    await tell('business_capability_update', { max_daily_conversations_per_business: 2_000 }, 70)
    await tell('phone_number_quality_update', upgrade, 80)
    expect(await senders.fact(SENDER.id, 'messaging_limit')).toEqual({ value: '2000', at: (NOW - 70) * 1_000 })
  })
})

test('what was to be done is done by the next process when one is killed before it was', async () => {
  await world.runningCampaign('crash', 1)
  await worker.app.stop()
  // A process took the entry out of the log and died with it.
  const value = { event: 'DISABLED', message_template_name: 'spring_sale', message_template_language: 'en_US' }
  const entry = { id: SENDER.wabaId, time: NOW, changes: [{ field: 'message_template_status_update', value }] }
  await world.client.xadd(world.keys.webhookLog(), '*', 'b', JSON.stringify({ entry: [entry] }))
  await world.client.xreadgroup('GROUP', 'fold', 'dead', 'COUNT', 1, 'STREAMS', world.keys.webhookLog(), '>')
  worker = await world.start()
  await world.folded()
  expect(await standing('crash')).toEqual(['paused', 'template_stopped'])
})

test('an error of the account without a message is counted and said in words, and blocks nobody', async () => {
  const before = await blocks()
  const metadata = { display_phone_number: '15550000001', phone_number_id: SENDER.phoneNumberId }
  await tell('messages', { metadata, errors: [{ code: 368, title: 'x' }, { code: '368' }] }, 0)
  await tell('messages', { metadata: { phone_number_id: '1' }, errors: [{ code: 999_999_999 }] }, 0)
  const counted = async (labels: string): Promise<number | null> =>
    await worker.metric(`chasqui_webhook_account_errors_total{${labels}}`)
  await until(async () => (await counted('sender="other",code="other"')) === 1)
  expect(await counted(`sender="${SENDER.id}",code="368"`)).toBe(2)
  expect(worker.app.lines.join('\n')).toMatch(/"code":368,"meaning":"\w[^"]+".*an error of the number or its account/)
  expect(await blocks()).toEqual(before)
})
