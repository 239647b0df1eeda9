import { encodeCallbackData } from '@chasqui/delivery'
import { signBody } from '@chasqui/whatsapp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { PREFIX, SECRET, SENDER, World } from './world.ts'
import type { Worker } from './world.ts'

let world: World
let worker: Worker
const GUPSHUP_SECRET = 'agreed-with-gupshup'

beforeAll(async () => {
  world = await World.begin()
  worker = await world.start({ WEBHOOK_GUPSHUP_SECRETS: `${GUPSHUP_SECRET},the-one-to-come-next` })
  await world.sentCampaign('passed', 2)
})

afterAll(async () => await world.end())

/** A status as Gupshup passes it on: Meta's envelope with keys of its own. */
function passedOn(word: string, more: object = {}): string {
  const data = { environment: PREFIX, campaignId: 'passed', ordinal: 0, attempt: 1 }
  const item = {
    gs_id: '7daeb742-0000-4c09-90e0-d879d20f7b98',
    id: 'wamid.passed',
    recipient_id: '5511900000000',
    status: word,
    timestamp: String(Math.floor(Date.now() / 1_000)),
    biz_opaque_callback_data: encodeCallbackData(data),
    ...more,
  }
  const value = {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550000001', phone_number_id: SENDER.phoneNumberId },
    statuses: [item],
  }
  const entry = [{ id: SENDER.wabaId, changes: [{ field: 'messages', value }] }]
  return JSON.stringify({ entry, gs_app_id: '82ed52f4', object: 'whatsapp_business_account' })
}

async function post(path: string, body: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const response = await fetch(new URL(path, worker.url), {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
  await response.arrayBuffer()
  return response.status
}

describe('webhooks that a provider passes on', () => {
  test('are counted like Meta’s own; what the provider adds is passed over', async () => {
    const secret = { 'x-webhook-secret': GUPSHUP_SECRET }
    // Its own first word comes in milliseconds, as a number, and says nothing that is counted.
    expect(await post('/webhooks/gupshup', passedOn('enqueued', { timestamp: Date.now() }), secret)).toBe(200)
    expect(await post('/webhooks/gupshup', passedOn('sent'), secret)).toBe(200)
    expect(await post('/webhooks/gupshup', passedOn('sent'), secret)).toBe(200)
    await world.folded()
    expect(await world.counts('passed')).toMatchObject({ 'delivery:sent': 1 })
    // The same message by Meta's own way.
    expect((await worker.post(passedOn('delivered'))).status).toBe(200)
    await world.folded()
    expect(await world.counts('passed')).toMatchObject({ 'delivery:sent': 1, 'delivery:delivered': 1 })
    expect(await world.deadLetters()).toEqual([])
  })

  test('need the secret, and Meta’s signature is none of theirs, nor theirs one of Meta’s', async () => {
    const body = passedOn('read')
    expect(await post('/webhooks/gupshup', body, { 'x-webhook-secret': 'the-one-to-come-next' })).toBe(200)
    expect(await post('/webhooks/gupshup', body, { 'x-webhook-secret': 'agreed-with-gupshuq' })).toBe(401)
    expect(await post('/webhooks/gupshup', body, { 'x-hub-signature-256': signBody(body, SECRET) })).toBe(401)
    expect(await post('/webhooks/whatsapp', body, { 'x-webhook-secret': GUPSHUP_SECRET })).toBe(401)
  })

  test('have no place where no secret was agreed, and no handshake', async () => {
    expect(await post('/webhooks/360dialog', passedOn('read'), { 'x-webhook-secret': '' })).toBe(404)
    expect((await fetch(new URL('/webhooks/gupshup', worker.url))).status).toBe(405)
  })
})

test('a secret that could be guessed is refused at the start', async () => {
  const app = world.spawn({ WEBHOOK_360DIALOG_SECRETS: 'short', WEBHOOK_SECRET_HEADER: 'x y', OPT_OUT_WORDS: 'stop,,' })
  expect(await app.exited).toMatchObject({ code: 78 })
  const said = app.lines.join('\n')
  expect(said).toMatch(/WEBHOOK_360DIALOG_SECRETS: .*not shown.*16 or more/)
  expect(said).toMatch(/WEBHOOK_SECRET_HEADER: found "x y"/)
  expect(said).toMatch(/OPT_OUT_WORDS: found "stop,,"/)
})
