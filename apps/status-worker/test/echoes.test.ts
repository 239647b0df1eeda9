import { Echoes, Suppressions } from '@chasqui/store'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { bodyOf, SENDER, status, statusesBody, until, World } from './world.ts'
import type { Worker } from './world.ts'

let world: World
let worker: Worker
const NOW = Math.floor(Date.now() / 1_000)
/** The first two recipients of any campaign of this world. */
const ANA = '5511900000000'
const BIA = '5511900000001'
const HEAD = {
  messaging_product: 'whatsapp',
  metadata: { display_phone_number: '15550000001', phone_number_id: SENDER.phoneNumberId },
}

beforeAll(async () => {
  world = await World.begin()
  worker = await world.start({ OPT_OUT_WORDS: 'STOP, Não quero' })
})

afterAll(async () => await world.end())

async function tell(body: string): Promise<void> {
  expect((await worker.post(body)).status).toBe(200)
  await world.folded()
}

function message(id: string, from: string, more: object): object {
  // After the launch, which may be of this second.
  const timestamp = String(Math.floor(Date.now() / 1_000) + 5)
  return { id: `wamid.in.${id}`, from, timestamp, ...more }
}

test('replies and clicks count once, and who says so is never written to again', async () => {
  await world.sentCampaign('replied', 3)
  const context = { from: '15550000001', id: 'wamid.out' }
  const messages = [
    message('1', ANA, { type: 'button', context, button: { payload: 'yes', text: 'Sim' } }),
    message('2', BIA, { type: 'text', context, text: { body: ' NA\u0303O QUERO ' } }),
    message('3', BIA, { type: 'text', text: { body: 'and who are you' } }),
  ]
  const body = bodyOf('messages', { ...HEAD, messages })
  const clicks = [{ action_type: 'marketing_messages_link_click', timestamp: String(NOW) }]
  await tell(body)
  await tell(bodyOf('messages', { ...HEAD, user_actions: clicks }))
  await worker.app.stop()
  worker = await world.start({ OPT_OUT_WORDS: 'STOP,Não quero' })
  // What Meta sends again, to another process, cut and ordered otherwise.
  await tell(bodyOf('messages', { ...HEAD, messages: messages.toReversed(), user_actions: clicks }))

  const counts = await world.counts('replied')
  expect([counts['reply:tap'], counts['reply:message']]).toEqual([1, 1])
  expect(await new Echoes(world.client, world.keys).ofSender(SENDER.id)).toEqual({
    replies: { tap: 1, message: 2, reaction: 0 },
    clicks: { link: 1, landing_page: 0 },
  })
  const suppressed = await new Suppressions(world.client, world.keys).areSuppressed([Number(ANA), Number(BIA)])
  expect(suppressed).toEqual([false, true])
  await until(async () => (await worker.metric('chasqui_campaign_replies{campaign="replied",kind="tap"}')) === 1)
  expect(await worker.metric(`chasqui_sender_replies{sender="${SENDER.id}",kind="message"}`)).toBe(2)
  expect(await worker.metric(`chasqui_sender_clicks{sender="${SENDER.id}",kind="link"}`)).toBe(1)
})

test('neither logs nor metrics hold what people are called, wrote or are reached by', async () => {
  await world.sentCampaign('private', 2)
  const secrets = [ANA, BIA, 'wamid.secret', 'Sheena', 'my secret', '@sheena', 'US.13491208655302741918', '15550000001']
  const contacts = [
    { profile: { name: 'Sheena', username: '@sheena' }, wa_id: ANA, user_id: 'US.13491208655302741918' },
  ]
  const messages = [message('secret', BIA, { id: 'wamid.secret', type: 'text', text: { body: 'my secret' } })]
  const odd = { ...status('private', 0, 'failed', { id: 'wamid.secret', errors: [{ code: 131_026 }] }) }
  await tell(bodyOf('messages', { ...HEAD, contacts, messages, statuses: [odd, 7, { id: 'wamid.secret' }] }))
  await tell(statusesBody([status('nobody', 1, 'sent', { id: 'wamid.secret' })]))
  await tell(
    bodyOf('phone_number_quality_update', { display_phone_number: '15550000001', event: 'THROUGHPUT_UPGRADE' }),
  )
  await tell(bodyOf('account_alerts', { alert_info: { alert_type: 'X', alert_description: `call ${ANA}, my secret` } }))
  await tell(bodyOf('user_preferences', { ...HEAD, user_preferences: [{ wa_id: ANA, value: 'stop', timestamp: NOW }] }))
  await tell(`{"entry":[{"changes":"${ANA} wamid.secret"}`)
  await until(async () => (await worker.metric('chasqui_webhook_dead_letters')) !== 0)
  const said = `${worker.app.lines.join('\n')}\n${await worker.metrics()}`
  expect(said).toContain('acted upon a webhook')
  for (const secret of secrets) expect(said).not.toContain(secret)
})
