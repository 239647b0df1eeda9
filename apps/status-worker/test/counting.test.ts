import { Suppressions } from '@chasqui/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { bodyOf, status, statusesBody, until, World } from './world.ts'
import type { Status, Worker } from './world.ts'

let world: World
let worker: Worker

beforeAll(async () => {
  world = await World.begin()
  worker = await world.start()
})

afterAll(async () => await world.end())

/** Post each list of statuses as one body, all at once, and wait until they are folded. */
async function tell(bodies: readonly (readonly Status[])[]): Promise<void> {
  const answers = await Promise.all(bodies.map(async (statuses) => await worker.post(statusesBody(statuses))))
  expect(answers.filter((answer) => answer.status !== 200)).toEqual([])
  await world.folded()
}

/** The same numbers for the same seed: a test that fails can be run again. */
function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  let state = seed
  const next = (): number => (state = (state * 48_271) % 2_147_483_647)
  return items
    .map((item) => ({ item, place: next() }))
    .toSorted((left, right) => left.place - right.place)
    .map(({ item }) => item)
}

describe('the statuses of a campaign', () => {
  test('shuffled, twice, cut into bodies of any size, are counted once', async () => {
    const N = 600
    await world.sentCampaign('mixed', N)
    const statuses: Status[] = []
    for (let ordinal = 0; ordinal < N; ordinal += 1) {
      // A fifth fails after `sent`; of the others all are delivered, half of them seen only as `read`.
      if (ordinal % 5 === 0) {
        const errors = [{ code: ordinal % 2 === 0 ? '131049' : 131_026, title: 'x' }]
        statuses.push(status('mixed', ordinal, 'sent'), status('mixed', ordinal, 'failed', { errors }))
      } else if (ordinal % 2 === 0) statuses.push(status('mixed', ordinal, 'read'))
      else statuses.push(status('mixed', ordinal, 'sent'), status('mixed', ordinal, 'delivered'))
    }
    const noisy = shuffled([...statuses, ...statuses.slice(0, 400), ...statuses.slice(100, 200)], 7)
    const bodies: Status[][] = []
    for (let from = 0; from < noisy.length;) {
      const size = 1 + (bodies.length % 40)
      bodies.push(noisy.slice(from, from + size))
      from += size
    }
    await tell(bodies)
    expect(await world.counts('mixed')).toEqual({
      recipients: N,
      accepted: N,
      'intake:rows': N,
      'intake:accepted': N,
      'delivery:sent': N,
      'delivery:delivered': 480,
      'delivery:read': 240,
      'delivery:failed': 120,
      'error:131049': 60,
      'error:131026': 60,
      'route:marketing_lite': N,
      'price:marketing_lite:BR': N - N / 5,
    })
    expect(await world.recount('mixed')).toEqual([])
  })

  test('delivered after failed takes the failure back; the error stays told', async () => {
    await world.sentCampaign('devices', 1)
    await tell([[status('devices', 0, 'failed', { errors: [{ code: 131_026 }] })]])
    expect(await world.counts('devices')).toMatchObject({ 'delivery:failed': 1, 'error:131026': 1 })
    await tell([[status('devices', 0, 'delivered')]])
    const counts = await world.counts('devices')
    expect(counts).toMatchObject({ 'delivery:sent': 1, 'delivery:delivered': 1, 'error:131026': 1 })
    expect(counts['delivery:failed']).toBeUndefined()
  })

  test('a status that is here before the answer of the send makes the recipient accepted', async () => {
    await world.runningCampaign('early', 2)
    await tell([[status('early', 0, 'sent')]])
    expect(await world.counts('early')).toMatchObject({ pending: 1, accepted: 1, 'delivery:sent': 1 })
    expect(await world.recount('early')).toEqual([])
  })

  test('the last open recipient completes the campaign', async () => {
    await world.runningCampaign('last', 1)
    await tell([[status('last', 0, 'delivered')]])
    expect(await world.client.hget(world.keys.campaign('last'), 'status')).toBe('completed')
  })

  test('the fallback route is counted beside', async () => {
    await world.sentCampaign('routes', 2)
    await tell([[status('routes', 0, 'sent'), status('routes', 1, 'sent', { pricing: { category: 'marketing' } })]])
    expect(await world.counts('routes')).toMatchObject({ 'route:marketing_lite': 1, 'route:marketing': 1 })
  })
})

describe('what leads to nobody', () => {
  test('is answered 200 and lies in the dead letters with its reason, as a body that can be fed again', async () => {
    await world.sentCampaign('known', 1)
    const bodies = [
      statusesBody([status('unheard-of', 3, 'sent')]),
      statusesBody([status('known', 499, 'sent')]),
      // A place that Redis has no byte for: asking it would fail for ever.
      statusesBody([status('known', 36 ** 8 - 1, 'sent')]),
      statusesBody([status('known', 2 ** 30, 'sent')]),
      bodyOf('messages', { statuses: [{ id: 'x' }] }),
      '{"entry":[',
      '{"object":"x"}',
    ]
    for (const body of bodies) expect((await worker.post(body)).status).toBe(200)
    await world.folded()
    const letters = await world.deadLetters()
    expect(letters.map(({ reason }) => reason).toSorted()).toEqual([
      'invalid_json',
      'unknown_campaign',
      'unknown_envelope',
      'unknown_recipient',
      'unknown_recipient',
      'unknown_recipient',
      'unreadable',
    ])
    expect(await worker.metric('chasqui_webhook_unmatched_total{reason="unknown_campaign"}')).toBe(1)

    // The campaign turns up (a restored backup, say): the same letter, fed again, is counted.
    await world.sentCampaign('unheard-of', 4)
    const letter = letters.find(({ reason }) => reason === 'unknown_campaign')?.body ?? ''
    expect((await worker.post(letter)).status).toBe(200)
    await world.folded()
    expect(await world.counts('unheard-of')).toMatchObject({ 'delivery:sent': 1 })
  })

  test('a body that cannot be folded for a defect is put aside, and those beside it are counted', async () => {
    await world.sentCampaign('sound', 2)
    await world.runningCampaign('broken', 1)
    await world.client.del(world.keys.states('broken'))
    await world.client.hset(world.keys.states('broken'), 'no', 'string')
    await tell([
      [status('sound', 0, 'sent')],
      [status('sound', 1, 'sent'), status('broken', 0, 'sent')],
      [status('broken', 0, 'read')],
    ])
    const letters = (await world.deadLetters()).filter(({ reason }) => reason === 'unfoldable')
    expect(letters.map(({ body }) => body.includes('wamid.broken.0'))).toEqual([true, true])
    expect(await world.counts('sound')).toMatchObject({ 'delivery:sent': 2 })
    expect(await worker.metric('chasqui_webhook_unmatched_total{reason="unfoldable"}')).toBe(2)
  })

  test('statuses of others on the same number are counted by reason and let go', async () => {
    const before = (await world.deadLetters()).length
    const other = 'v1.staging.known.0.1'
    await tell([
      [status('known', 0, 'sent', { biz_opaque_callback_data: other })],
      [status('known', 0, 'sent', { biz_opaque_callback_data: 'crm-4711' })],
      [status('known', 0, 'sent', { biz_opaque_callback_data: undefined })],
    ])
    expect((await world.deadLetters()).length).toBe(before)
    for (const reason of ['other_environment', 'foreign_callback_data', 'no_callback_data'])
      expect([reason, await worker.metric(`chasqui_webhook_unmatched_total{reason="${reason}"}`)]).toEqual([reason, 1])
    expect((await world.counts('known'))['delivery:sent']).toBeUndefined()
  })
})

describe('what people say about marketing', () => {
  const preference = (waId: string, value: string, timestamp: number): string =>
    bodyOf('user_preferences', {
      user_preferences: [{ wa_id: waId, detail: 'x', category: 'marketing_messages', value, timestamp }],
    })
  const isSuppressed = async (number: number): Promise<boolean> =>
    (await new Suppressions(world.client, world.keys).areSuppressed([number]))[0] === true

  test('the last word by its own time holds, in whatever order words come, and `stop` among equals', async () => {
    const now = Math.floor(Date.now() / 1_000)
    const told: readonly (readonly [
      number: string,
      words: readonly (readonly [string, number])[],
      suppressed: boolean,
    ])[] = [
      [
        '16505550001',
        [
          ['stop', now - 10],
          ['resume', now - 20],
        ],
        true,
      ],
      [
        '16505550002',
        [
          ['resume', now - 10],
          ['stop', now - 20],
        ],
        false,
      ],
      [
        '16505550003',
        [
          ['stop', now - 20],
          ['resume', now - 10],
        ],
        false,
      ],
      [
        '16505550004',
        [
          ['resume', now - 10],
          ['stop', now - 10],
        ],
        true,
      ],
      [
        '16505550005',
        [
          ['stop', now - 10],
          ['resume', now - 10],
        ],
        true,
      ],
      [
        '16505550006',
        [
          ['stop', now - 10],
          ['resume', now - 5],
          ['stop', now - 10],
        ],
        false,
      ],
    ]
    for (const [number, words] of told) {
      for (const [value, at] of words) {
        expect((await worker.post(preference(number, value, at))).status).toBe(200)
        await world.folded()
      }
    }
    for (const [number, , suppressed] of told)
      expect([number, await isSuppressed(Number(number))]).toEqual([number, suppressed])
  })

  test('131050 is a stop, also where nobody knows the campaign', async () => {
    const errors = [{ code: 131_050, title: 'x' }]
    await tell([
      [status('known', 0, 'failed', { errors, recipient_id: '16505550010' })],
      [status('gone', 0, 'failed', { errors, recipient_id: '16505550011' })],
      [
        {
          ...status('known', 0, 'failed', { errors, recipient_id: '16505550012' }),
          biz_opaque_callback_data: undefined,
        },
      ],
      [status('known', 0, 'failed', { errors: [{ code: 131_026 }], recipient_id: '16505550013' })],
    ])
    for (const [number, suppressed] of [
      [16_505_550_010, true],
      [16_505_550_011, true],
      [16_505_550_012, true],
      [16_505_550_013, false],
    ] as const)
      expect([number, await isSuppressed(number)]).toEqual([number, suppressed])
  })

  test('a word dated in the far future does not outlast every later one', async () => {
    const number = '16505550020'
    await worker.post(preference(number, 'stop', 4_000_000_000))
    await world.folded()
    expect(await isSuppressed(Number(number))).toBe(true)
    // Later than a minute after the first was taken in.
    await worker.post(preference(number, 'resume', Math.floor(Date.now() / 1_000) + 3_600))
    await world.folded()
    // Both are taken for a minute ahead of their arrival; the second arrived later.
    expect(await isSuppressed(Number(number))).toBe(false)
  })
})

test(
  'killed again and again in the middle of 20,000 events, not one is lost or counted twice',
  { timeout: 120_000 },
  async () => {
    await worker.app.stop()
    const N = 4_000
    await world.sentCampaign('storm', N)
    const statuses = shuffled(
      Array.from({ length: N }, (_, ordinal) => ordinal).flatMap((ordinal) => [
        status('storm', ordinal, 'sent'),
        status('storm', ordinal, 'delivered'),
        status('storm', ordinal, 'read'),
        // Meta repeats itself.
        status('storm', ordinal, 'sent'),
        status('storm', ordinal, 'delivered'),
      ]),
      11,
    )
    const bodies: string[] = []
    for (let from = 0; from < statuses.length; from += 10) bodies.push(statusesBody(statuses.slice(from, from + 10)))

    // Bodies without a 200 come again, as Meta's do.
    let victim = await world.start()
    let kills = 0
    const left = [...bodies]
    const post = async (): Promise<void> => {
      for (let body = left.pop(); body !== undefined; body = left.pop()) {
        const taken = await victim.post(body).then(
          (answer) => answer.status === 200,
          () => false,
        )
        if (taken) continue
        left.push(body)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    const killer = async (): Promise<void> => {
      for (const rest of [1_600, 1_100, 600]) {
        await until(async () => left.length < rest)
        victim.app.signal('SIGKILL')
        await victim.app.exited
        kills += 1
        victim = await world.start()
      }
    }
    await Promise.all([killer(), ...Array.from({ length: 16 }, post)])
    expect(kills).toBe(3)
    await world.folded()
    expect(await world.counts('storm')).toMatchObject({
      recipients: N,
      accepted: N,
      'delivery:sent': N,
      'delivery:delivered': N,
      'delivery:read': N,
      'route:marketing_lite': N,
    })
    expect(await world.recount('storm')).toEqual([])
  },
)
