import { expect, test } from 'vitest'
import { request } from 'undici'
import { LOST_KINDS } from '../src/lost.ts'
import type { Lost } from '../src/lost.ts'
import { messageTo, NUMBER, phones, startSimulator, TOKEN, unlimited } from './bench.ts'
import type { Met } from './bench.ts'

const ANA = 5_511_912_345_678

test('an accepted message is answered in the shape of the real endpoint', async () => {
  const { url } = await startSimulator()
  const response = await request(`${url}/v25.0/${NUMBER}/marketing_messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(messageTo(ANA)),
  })
  expect(response.statusCode).toBe(200)
  expect(await response.body.json()).toEqual({
    messaging_product: 'whatsapp',
    contacts: [{ input: `+${ANA}`, wa_id: String(ANA) }],
    messages: [{ id: expect.stringMatching(/^wamid\./) as string, message_status: 'accepted' }],
  })
  expect(response.headers['x-fb-request-id']).toBeTruthy()
  expect(JSON.parse(String(response.headers['x-business-use-case-usage']))).toMatchObject({
    '102290129340398': [{ type: 'whatsapp' }],
  })
})

test('no sliding second at the endpoint holds more than the limit, and no message above it is processed', async () => {
  const { send, summary } = await startSimulator({ numbers: { [NUMBER]: { perSecond: 40 } } })
  const met = await Promise.all(phones(200).map((phone) => send(phone)))
  const throttled = met.filter((answer) => 'status' in answer && answer.status === 400)
  expect(throttled.length).toBeGreaterThanOrEqual(100)
  const { rate, requests, recipients } = await summary()
  expect(rate[NUMBER]?.processedPerSecondMax).toBe(40)
  expect(rate[NUMBER]).toMatchObject({ received: 200, throttled: throttled.length, processed: 200 - throttled.length })
  expect(requests.byCode).toEqual({ 130429: throttled.length })
  expect(recipients.rejectedByCode).toEqual({ 130429: throttled.length })
})

test('the limit can be changed while requests come in', async () => {
  const { send, control } = await startSimulator({ numbers: { [NUMBER]: { perSecond: 1 } } })
  expect(await send(ANA)).toMatchObject({ status: 200 })
  expect(await send(ANA)).toMatchObject({ status: 400 })
  await control('POST', '/config', { numbers: { [NUMBER]: { perSecond: 10 } } })
  expect(await send(ANA)).toMatchObject({ status: 200 })
})

const MEETS: Readonly<Record<Lost, (met: Met) => boolean>> = {
  reset: isGone,
  reset_unprocessed: isGone,
  hang: isGone,
  hang_unprocessed: isGone,
  truncated: isGone,
  unreadable: (met) => 'status' in met && met.status === 200 && !met.body.startsWith('{'),
  bare_5xx: (met) => 'status' in met && met.status === 502 && !met.body.startsWith('{'),
  bare_5xx_unprocessed: (met) => 'status' in met && met.status === 502 && !met.body.startsWith('{'),
  graph_500: (met) => 'status' in met && met.status === 500 && met.body.includes('"code":131000'),
}

function isGone(met: Met): boolean {
  return 'error' in met && (met.error === 'UND_ERR_SOCKET' || met.error === 'ECONNRESET')
}

test.each(LOST_KINDS)(
  'an answer lost by %s is no answer to the sender, and the ledger knows the truth',
  async (lost) => {
    const { send, summary } = await startSimulator({ answers: { lostShare: 1, lostKinds: [lost], hangMs: 50 } })
    const met = await send(ANA)
    expect(MEETS[lost](met), JSON.stringify(met)).toBe(true)
    const { requests, recipients } = await summary()
    const processed = lost.endsWith('_unprocessed') ? 0 : 1
    expect(requests).toMatchObject({ received: 1, processed, byOutcome: { [lost]: 1 } })
    expect(recipients).toMatchObject({
      implied: { accepted: 0, unknown: 1, rejected: 0 },
      unknownButProcessed: processed,
    })
  },
)

test('the same seed gives the same recipients the same answers, whatever the order', async () => {
  const behaviour = {
    ...unlimited(),
    seed: 42,
    answers: { rejectedShare: 0.3, stumbleShare: 0.2, lostShare: 0.1, lostKinds: ['bare_5xx', 'unreadable'] },
  }
  const answersOf = async (order: readonly number[], seed = 42): Promise<Map<number, string>> => {
    const { send } = await startSimulator(behaviour, { seed })
    const met = await Promise.all(order.map(async (phone) => [phone, await send(phone)] as const))
    return new Map(
      met.map(([phone, answer]) => [
        phone,
        'status' in answer ? `${answer.status} ${/"code":\d+/.exec(answer.body)?.[0] ?? ''}` : answer.error,
      ]),
    )
  }
  const people = phones(300)
  const there = await answersOf(people)
  const back = await answersOf([...people].reverse())
  for (const phone of people) expect(back.get(phone)).toBe(there.get(phone))
  const other = await answersOf(people, 43)
  expect(people.some((phone) => other.get(phone) !== there.get(phone))).toBe(true)
})

test('every request of a crowd is in the ledger exactly once, doubles included', async () => {
  const { send, summary, control } = await startSimulator(unlimited())
  const crowd = [...phones(1_500), ...phones(500), ...phones(100)]
  const met = await Promise.all(crowd.map((phone) => send(phone)))
  const ids = met.map((answer) =>
    'body' in answer ? (JSON.parse(answer.body) as { messages: [{ id: string }] }).messages[0].id : '',
  )
  expect(new Set(ids).size).toBe(crowd.length)
  const { requests, recipients } = await summary()
  expect(requests).toMatchObject({ received: 2_100, processed: 2_100, byOutcome: { accepted: 2_100 } })
  expect(recipients).toMatchObject({
    seen: 1_500,
    processed: 1_500,
    doubled: 500,
    surplus: 600,
    implied: { accepted: 1_500, unknown: 0, rejected: 0 },
  })
  const { body } = (await control('GET', '/duplicates')) as { body: { doubled: number; shown: { to: string }[][] } }
  expect(body.doubled).toBe(500)
  expect(body.shown.filter((requestsOfOne) => requestsOfOne.length === 3)).toHaveLength(100)
})

test('a sender that dies before its answer was not told', async () => {
  const { url, summary } = await startSimulator({ answers: { latencyP50Ms: 300, latencyP95Ms: 300 } })
  const gone = new AbortController()
  const sending = request(`${url}/v25.0/${NUMBER}/marketing_messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(messageTo(ANA)),
    signal: gone.signal,
  })
  await expect.poll(async () => (await summary()).requests.processed).toBe(1)
  gone.abort()
  await expect(sending).rejects.toThrow()
  // Another request takes as long: when it is answered, the first one's answer was due as well.
  const later = await request(`${url}/v25.0/${NUMBER}/marketing_messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(messageTo(ANA + 1)),
  })
  await later.body.dump()
  expect((await summary()).recipients.implied).toEqual({ accepted: 1, unknown: 1, rejected: 0 })
})

test('a body that is far too large is answered 413', async () => {
  const { send } = await startSimulator()
  expect(await send(ANA, { biz_opaque_callback_data: 'x'.repeat(300_000) })).toMatchObject({ status: 413 })
})
