import { expect, test } from 'vitest'
import { request } from 'undici'
import { NUMBER, phones, startReceiver, startSimulator, unlimited } from './bench.ts'

const ANA = 5_511_912_345_678

type Refusal = {
  readonly error: {
    readonly message: string
    readonly issues: readonly { readonly path: string; readonly found: unknown; readonly message: string }[]
  }
}

function refusalIn({ body }: { readonly body: unknown }): Refusal {
  return body as Refusal
}

test('a wrong configuration is refused whole, with every mistake named', async () => {
  const { control } = await startSimulator()
  const before = (await control('GET', '/config')).body
  const refused = await control('POST', '/config', {
    seed: 5,
    answers: { lostShare: 2, lostKinds: ['gone'] },
    colour: 'red',
  })
  expect(refused.status).toBe(400)
  const { error } = refusalIn(refused)
  expect(error.issues.map(({ path, found }) => [path, found])).toEqual(
    expect.arrayContaining([
      ['answers.lostShare', 2],
      ['answers.lostKinds.0', 'gone'],
    ]),
  )
  expect(error.message).toContain('colour')
  expect((await control('GET', '/config')).body).toEqual(before)
})

test('a preset and changes to it come in one call; a wrong one changes nothing', async () => {
  const { control } = await startSimulator({ numbers: { [NUMBER]: { perSecond: 7 } } })
  expect(refusalIn(await control('POST', '/config', { preset: 'storms' })).error.message).toContain('"storm"')
  expect((await control('POST', '/config', { preset: 'storm', answers: { lostShare: 7 } })).status).toBe(400)
  expect((await control('GET', '/config')).body).toMatchObject({ answers: { lostShare: 0 } })
  const { body } = await control('POST', '/config', { preset: 'storm', answers: { lostShare: 0.5 } })
  expect(body).toMatchObject({
    answers: { lostShare: 0.5, stumbleShare: 0.1 },
    numbers: { [NUMBER]: { perSecond: 7 } },
  })
})

test('what is no JSON, no route or no parameter is said so', async () => {
  const { url, control } = await startSimulator()
  const broken = await request(`${url}/_simulator/config`, { method: 'POST', body: '{' })
  expect(broken.statusCode).toBe(400)
  expect(await broken.body.text()).toContain('a JSON object is expected')
  expect(refusalIn(await control('GET', '/sumary')).error.message).toBe('No GET /_simulator/sumary here.')
  expect(refusalIn(await control('GET', '/summary?campain=x')).error.message).toContain('campain')
})

test('numbers can be asked for by template, number and campaign', async () => {
  const { send, summary } = await startSimulator(unlimited())
  const of = (campaign: string, template: string): object => ({
    biz_opaque_callback_data: `v1.chasqui.${campaign}.0.1`,
    template: { name: template, language: { code: 'en' } },
  })
  await Promise.all([
    ...phones(3).map((phone) => send(phone, of('c1', 'a'))),
    ...phones(2).map((phone) => send(phone, of('c2', 'b'))),
  ])
  const counts = await Promise.all(
    ['', '?template=a', '?campaign=c2', `?number=${NUMBER}`, '?campaign=c', '?campaign=c1&template=b'].map(
      async (query) => {
        const { requests, recipients } = await summary(query)
        return [requests.received, recipients.seen, recipients.doubled]
      },
    ),
  )
  expect(counts).toEqual([
    [5, 3, 2],
    [3, 3, 0],
    [2, 2, 0],
    [5, 3, 2],
    [0, 0, 0],
    [0, 0, 0],
  ])
})

type Line = {
  readonly to: string
  readonly wamid: string
  readonly truth: string[]
  readonly told: string[]
  readonly at: number
}

test('the ledger is a stream of lines, and one message can be asked for by its id', async () => {
  const receiver = await startReceiver()
  const { url, send, idle } = await startSimulator(unlimited(), { webhooks: { url: receiver.url, flushMs: 5 } })
  await Promise.all(phones(3_000).map((phone) => send(phone)))
  await idle()
  const ledger = await request(`${url}/_simulator/ledger?campaign=c1`)
  const lines = (await ledger.body.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  expect(new Set(lines.map(({ to }) => to))).toEqual(new Set(phones(3_000).map((phone) => `+${phone}`)))
  expect(lines.every(({ truth, told }) => truth.every((fact) => told.includes(fact)))).toBe(true)
  expect(lines.map(({ at }) => at)).toEqual(lines.map(({ at }) => at).sort((a, b) => a - b))
  const one = await request(`${url}/_simulator/ledger?wamid=${encodeURIComponent(lines[7]?.wamid ?? '')}`)
  expect(JSON.parse(await one.body.text())).toEqual(lines[7])
  const none = await request(`${url}/_simulator/ledger?wamid=wamid.x`)
  expect(await none.body.text()).toBe('')
})

test('the rate is told second by second', async () => {
  const { send, control } = await startSimulator({ numbers: { [NUMBER]: { perSecond: 10 } } })
  await Promise.all(phones(30).map((phone) => send(phone)))
  type Series = { received: number[]; processed: number[]; throttled: number[] }
  const { body } = (await control('GET', '/rate')) as { body: { series: Record<string, Series> } }
  const line = body.series[NUMBER]
  const sum = (counts: readonly number[] = []): number => counts.reduce((total, count) => total + count, 0)
  expect(sum(line?.received)).toBe(30)
  expect(sum(line?.processed) + sum(line?.throttled)).toBe(30)
  expect(sum(line?.processed)).toBeGreaterThanOrEqual(10)
})

test('a reset forgets what happened and keeps how it behaves', async () => {
  const receiver = await startReceiver()
  const { send, control, summary, url } = await startSimulator({
    seed: 9,
    webhooks: { url: receiver.url, paused: true },
  })
  const met = await send(ANA)
  const wamid = 'body' in met ? (JSON.parse(met.body) as { messages: [{ id: string }] }).messages[0].id : ''
  await control('POST', '/reset')
  expect(await summary()).toMatchObject({
    requests: { received: 0 },
    recipients: { seen: 0 },
    webhooks: { pending: 0 },
  })
  await control('POST', '/config', { webhooks: { paused: false } })
  expect((await control('GET', '/idle')).body).toMatchObject({ idle: true })
  expect(receiver.bodies).toHaveLength(0)
  expect((await control('GET', '/config')).body).toMatchObject({ seed: 9 })
  // Ids of the former life are strangers, though their places in the ledger are used again.
  await send(ANA)
  const old = await request(`${url}/_simulator/ledger?wamid=${encodeURIComponent(wamid)}`)
  expect(await old.body.text()).toBe('')
})

test('waiting for idle ends when its time is up', async () => {
  const receiver = await startReceiver()
  const { send, control } = await startSimulator({ webhooks: { url: receiver.url, paused: true } })
  await send(ANA)
  const { status, body } = await control('GET', '/idle?timeoutMs=20')
  expect(status).toBe(504)
  expect(body).toMatchObject({ idle: false })
})

test('fates can be laid down for single recipients', async () => {
  const { send, control, summary } = await startSimulator()
  expect((await control('POST', '/fates', { '+5511912345678': { answers: [-1] } })).status).toBe(400)
  await control('POST', '/fates', {
    [`+${ANA}`]: { answers: [131016, 'bare_5xx', 'accepted'], facts: ['sent', 'read'] },
  })
  const met = [await send(ANA), await send(ANA), await send(ANA)]
  expect(met.map((answer) => ('status' in answer ? answer.status : answer.error))).toEqual([500, 502, 200])
  expect(await summary()).toMatchObject({ recipients: { doubled: 1 }, truth: { read: 1, delivered: 1, sent: 1 } })
})

test('the list of routes is the first thing a person finds', async () => {
  const { control } = await startSimulator()
  const { body } = await control('GET', '/')
  expect(body).toHaveProperty(['routes', 'POST /_simulator/webhooks'])
})
