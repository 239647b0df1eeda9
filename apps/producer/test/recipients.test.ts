import { once } from 'node:events'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { uploadAnswer } from '../src/routes/schemas.ts'
import { SENDER, startApi } from './api.ts'
import type { Api } from './api.ts'

let api: Api

beforeAll(async () => {
  api = await startApi()
})

afterAll(async () => {
  await api.stop()
})

function csvOf(count: number, from = 0): string {
  const rows = Array.from(
    { length: count },
    (_, index) => `+447911${String(from + index).padStart(6, '0')},Name ${index}`,
  )
  return `to,first_name\n${rows.join('\n')}\n`
}

async function counts(id: string): Promise<Readonly<Record<string, number>>> {
  return (await api.call('GET', `/v1/campaigns/${id}`)).body.counts
}

const SAMPLE = [
  'to,first_name,"shoe size",ref',
  '+55 11 91234-5678,Ana,38,a1',
  '"0055 (11) 91234.5678","Ana, again",39,a2',
  '005521987654321,"João ""Jota"" 🎉",40,a3',
  '+91 98765 43210,अमिता,41,',
  '+49 (0)151 23456789,"Jürgen',
  'Müller",42,a5',
  '+55 11 1234,Too Short,43,a6',
  'no number,Zoë,44,a7',
  '+44 7911 123456,,45,a8',
  '+44 7911 123457,Only Two',
  '+1 650 555 1234,Sam,46,a9',
].join('\r\n')

describe('uploading a CSV as a marketing team exports it', () => {
  test('takes what can be taken and says of the rest which line and why', async () => {
    const id = await api.create()
    const answer = await api.upload(id, SAMPLE)
    expect(answer.status).toBe(200)
    expect(uploadAnswer.strict().safeParse(answer.body).error).toBeUndefined()
    expect(answer.body).toMatchObject({
      rows: 10,
      accepted: 4,
      duplicates: 1,
      rejected: 5,
      reasons: { too_short: 1, letters: 1, missing_value: 1, field_count: 1, united_states: 1 },
      warnings: {},
      ignoredColumns: ['shoe size'],
    })
    expect(answer.body.rejections.map(({ line, reason, column }) => [line, reason, column])).toEqual([
      [8, 'too_short', 'to'],
      [9, 'letters', 'to'],
      [10, 'missing_value', 'first_name'],
      [11, 'field_count', null],
      [12, 'united_states', 'to'],
    ])
    const { body } = await api.call('GET', `/v1/campaigns/${id}`)
    expect(body.counts).toMatchObject({ recipients: 4, pending: 4 })
    expect(body.intake).toMatchObject({
      rows: 10,
      accepted: 4,
      duplicates: 1,
      rejected: 5,
      reasons: { united_states: 1 },
    })
    const chunk = await api.context.chunks.read(id, 0)
    expect(chunk?.names).toEqual(['first_name'])
    expect(chunk?.columns[0]).toContain('João "Jota" 🎉')
    expect(chunk?.columns[0]).toContain('Jürgen Müller')
  })

  test('again adds nothing, whatever its form', async () => {
    const id = await api.create()
    const rows = Array.from({ length: 3_000 }, (_, index) => ({
      to: `+4479110${String(index).padStart(5, '0')}`,
      first_name: `Name ${index}`,
      age: index,
    }))
    expect((await api.upload(id, csvOf(3_000))).body).toMatchObject({ accepted: 3_000, duplicates: 0 })
    const forms: readonly (readonly [string, string | Uint8Array, Readonly<Record<string, string>>])[] = [
      ['text/csv', csvOf(3_000), {}],
      ['text/csv; charset=utf-8', gzipSync(csvOf(3_000)), { 'content-encoding': 'gzip' }],
      ['application/x-ndjson', rows.map((row) => `${JSON.stringify(row)}\n`).join(''), {}],
      ['application/json', JSON.stringify(rows), {}],
      ['application/json', gzipSync(JSON.stringify(rows)), { 'content-encoding': 'gzip' }],
    ]
    for (const [type, body, headers] of forms) {
      const answer = await api.call('POST', `/v1/campaigns/${id}/recipients`, body, {
        'content-type': type,
        ...headers,
      })
      expect(answer.body).toMatchObject({ rows: 3_000, accepted: 0, duplicates: 3_000, rejected: 0 })
    }
    expect(await counts(id)).toMatchObject({ recipients: 3_000, pending: 3_000 })
  })

  test('from two clients at once stores each person once', async () => {
    const id = await api.create()
    const [one, two] = await Promise.all([api.upload(id, csvOf(8_000)), api.upload(id, csvOf(8_000, 4_000))])
    expect(one.body.accepted + two.body.accepted).toBe(12_000)
    expect(one.body.duplicates + two.body.duplicates).toBe(4_000)
    expect(await counts(id)).toMatchObject({ recipients: 12_000, pending: 12_000 })
  })

  test('in another charset is read when it says so, and told when it does not', async () => {
    const id = await api.create()
    const latin1 = Buffer.from('to,first_name\n+5511912345678,José\n', 'latin1')
    expect(
      (await api.call('POST', `/v1/campaigns/${id}/recipients`, latin1, { 'content-type': 'text/csv' })).body
        .rejections,
    ).toMatchObject([{ line: 2, reason: 'bad_encoding' }])
    expect(
      (
        await api.call('POST', `/v1/campaigns/${id}/recipients`, latin1, {
          'content-type': 'text/csv; charset=iso-8859-1',
        })
      ).body,
    ).toMatchObject({ accepted: 1 })
    expect((await api.context.chunks.read(id, 0))?.columns).toEqual([['José']])
  })
})

describe('an upload is refused as a whole, before anything is stored,', () => {
  test.each([
    [
      'without the column that a placeholder needs',
      'to,nome\n+5511912345678,Ana\n',
      '',
      'missing_placeholder_column',
      ['first_name'],
    ],
    ['without numbers', 'phone,first_name\n+5511912345678,Ana\n', '', 'missing_to_column', ['to']],
    ['with a column twice', 'to,first_name,first_name\n', '', 'duplicate_column', ['first_name']],
    [
      'with unknown columns, if they are to be refused',
      'to,first_name,age\n+5511912345678,Ana,3\n',
      '?unknownColumns=refuse',
      'unknown_column',
      ['age'],
    ],
    ['with semicolons', 'to;first_name\n+5511912345678;Ana\n', '', 'wrong_delimiter', []],
    ['when it is empty', '', '', 'empty_body', []],
  ])('%s', async (_name, csv, query, code, columns) => {
    const id = await api.create()
    const answer = await api.upload(id, csv, query)
    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(answer.body).toMatchObject({ code, columns, accepted: 0 })
    expect(await counts(id)).toMatchObject({ recipients: 0 })
    expect((await api.client.keys(`*{c:${id}}*`)).filter((key) => !key.endsWith(':campaign'))).toEqual([])
  })

  test('in UTF-16, as spreadsheets export "Unicode text"', async () => {
    const id = await api.create()
    for (const text of ['to,first_name\n+5511912345678,Ana\n', 'to\tfirst_name\n+5511912345678\tAna\n']) {
      const body = Buffer.from(`\uFEFF${text}`, 'utf16le')
      const answer = await api.call('POST', `/v1/campaigns/${id}/recipients`, body, { 'content-type': 'text/csv' })
      expect(answer.body).toMatchObject({ status: 400, code: 'not_utf8', accepted: 0 })
    }
  })

  test('in what is said to be gzip and is not, or is damaged', async () => {
    const id = await api.create()
    const path = `/v1/campaigns/${id}/recipients`
    const headers = { 'content-type': 'text/csv', 'content-encoding': 'gzip' }
    const said = { status: 400, code: 'unreadable_body' }
    expect((await api.call('POST', path, csvOf(10), headers)).body).toMatchObject({ ...said, accepted: 0 })
    const damaged = gzipSync(csvOf(60_000, 10_000))
    // The checksum of all of it, in the last bytes but four.
    damaged.writeUInt32LE(0, damaged.length - 8)
    const answer = await api.call('POST', path, damaged, headers)
    expect(answer.body).toMatchObject(said)
    expect(await counts(id)).toMatchObject({ recipients: (answer.body as { accepted: number }).accepted })
  })

  test('in a form that is not understood', async () => {
    const id = await api.create()
    const path = `/v1/campaigns/${id}/recipients`
    expect((await api.call('POST', path, 'x', { 'content-type': 'text/plain' })).body).toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
    })
    expect(
      (await api.call('POST', path, 'x', { 'content-type': 'text/csv', 'content-encoding': 'br' })).body,
    ).toMatchObject({ status: 415, code: 'unsupported_encoding' })
    expect((await api.call('POST', path, 'x', { 'content-type': 'text/csv; charset=klingon' })).body).toMatchObject({
      status: 415,
    })
    expect((await api.call('POST', path, 'nope', { 'content-type': 'application/json' })).body).toMatchObject({
      status: 400,
      code: 'not_an_array',
      line: 1,
    })
    expect(
      (await api.call('POST', `/v1/campaigns/nope/recipients`, 'x', { 'content-type': 'text/csv' })).body,
    ).toMatchObject({ status: 404, code: 'campaign_not_found' })
  })

  test('and a long one gets its answer while it is still being sent', async () => {
    const id = await api.create()
    const answer = await api.upload(id, `to,nome\n${'+5511912345678,Ana\n'.repeat(500_000)}`)
    expect(answer.body).toMatchObject({ status: 400, code: 'missing_placeholder_column' })
  })
})

describe('a body that breaks off in the middle', () => {
  test('of a quoted field, of a gzip stream, of an array: what came before is stored and told', async () => {
    const id = await api.create()
    const path = `/v1/campaigns/${id}/recipients`
    const cut = await api.upload(id, `${csvOf(2_500)}+5511912345678,"Ana`)
    expect(cut).toMatchObject({ status: 400, body: { code: 'body_broke_off', accepted: 2_500 } })
    const gzip = gzipSync(csvOf(60_000, 10_000))
    const half = await api.call('POST', path, gzip.subarray(0, gzip.length / 2), {
      'content-type': 'text/csv',
      'content-encoding': 'gzip',
    })
    expect(half.body).toMatchObject({ status: 400, code: 'body_broke_off' })
    const array = await api.call('POST', path, '[{"to":"+5511912345678","first_name":"Ana"},{"to"', {
      'content-type': 'application/json',
    })
    expect(array.body).toMatchObject({ status: 400, code: 'body_broke_off', accepted: 1 })
    expect((await counts(id))['recipients']).toBe(2_500 + half.body.accepted + 1)
  })

  test('because the connection closed: sent again it adds exactly what is missing', async () => {
    const id = await api.create()
    const csv = csvOf(80_000)
    const socket = connect(api.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write(
      `POST /v1/campaigns/${id}/recipients HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\ncontent-length: ${csv.length}\r\n\r\n${csv.slice(0, csv.length / 2)}`,
    )
    await expect.poll(async () => (await counts(id))['recipients']).toBeGreaterThan(0)
    socket.resetAndDestroy()
    // The body said how long it would be: its number set was begun for all of it, 200 people a part, though half came.
    const parts = Number(await api.client.hget(`${api.keys.numbers(id)}:meta`, 'buckets'))
    expect(parts).toBeGreaterThan(360)
    expect(parts).toBeLessThan(440)
    const again = await api.upload(id, csv)
    expect(again.body.accepted + again.body.duplicates).toBe(80_000)
    expect(again.body.duplicates).toBeGreaterThan(0)
    expect(await counts(id)).toMatchObject({ recipients: 80_000, pending: 80_000 })
  })
})

describe('recipients come out again', () => {
  async function exported(): Promise<string> {
    const id = await api.create()
    await api.upload(id, 'to,first_name,ref\n+5511912345678,Ana,=cmd()\n+5511912345679,Bo,r2\n+5511912345670,Cy,\n')
    // The second was accepted and read, the third rejected.
    await api.client.setrange(api.keys.states(id), 1, Buffer.from([5 + 16, 6 + 32]).toString('latin1'))
    await api.client.setrange(api.keys.facts(id), 0, '\u0000\u0005')
    return id
  }

  test('as NDJSON, with what is known of each', async () => {
    const id = await exported()
    const { text, headers } = await api.call('GET', `/v1/campaigns/${id}/recipients`)
    expect(headers.get('content-type')).toContain('application/x-ndjson')
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { to: '+5511912345678', ref: '=cmd()', disposition: 'pending', delivery: null, attempts: 0 },
      { to: '+5511912345679', ref: 'r2', disposition: 'accepted', delivery: 'read', attempts: 1 },
      { to: '+5511912345670', ref: null, disposition: 'rejected', delivery: null, attempts: 2 },
    ])
  })

  test('as CSV that no spreadsheet runs', async () => {
    const id = await exported()
    const { text } = await api.call('GET', `/v1/campaigns/${id}/recipients`, undefined, { accept: 'text/csv' })
    expect(text).toBe(
      "to,ref,disposition,delivery,attempts\r\n5511912345678,'=cmd(),pending,,0\r\n5511912345679,r2,accepted,read,1\r\n5511912345670,,rejected,,2\r\n",
    )
  })

  test('some of them', async () => {
    const id = await exported()
    const lines = async (query: string): Promise<number> =>
      (await api.call('GET', `/v1/campaigns/${id}/recipients?${query}`)).text.split('\n').length - 1
    expect(await lines('disposition=accepted')).toBe(1)
    expect(await lines('delivery=delivered')).toBe(1)
    expect(await lines('delivery=failed')).toBe(0)
    expect(await lines('disposition=rejected&delivery=sent')).toBe(0)
    expect((await api.call('GET', `/v1/campaigns/${id}/recipients?disposition=lost`)).status).toBe(400)
  })
})

describe('suppressions', () => {
  test('are stored before they are answered, whatever the spelling', async () => {
    const body = 'to\n+55 11 98765-4321\n5511987654322\nnope\n'
    expect((await api.call('POST', '/v1/suppressions', body, { 'content-type': 'text/csv' })).body).toMatchObject({
      accepted: 2,
      duplicates: 0,
      rejected: 1,
      rejections: [{ line: 4, reason: 'letters' }],
    })
    expect((await api.call('POST', '/v1/suppressions', ['+551187654321'])).body).toMatchObject({
      accepted: 0,
      duplicates: 1,
    })
    expect(
      (
        await api.call('POST', '/v1/suppressions', '{"to":"+4915123456789"}\n', {
          'content-type': 'application/x-ndjson',
        })
      ).body,
    ).toMatchObject({ accepted: 1 })
    expect(await api.context.suppressions.areSuppressed([551187654321, 4915123456789, 4915123456780])).toEqual([
      true,
      true,
      false,
    ])
    expect((await api.call('GET', '/v1/suppressions/+55 11 98765-4321')).body).toEqual({
      phone: '+5511987654321',
      suppressed: true,
    })
    expect((await api.call('DELETE', '/v1/suppressions/551187654321')).status).toBe(204)
    expect((await api.call('DELETE', '/v1/suppressions/551187654321')).status).toBe(204)
    expect((await api.call('GET', '/v1/suppressions/5511987654321')).body).toMatchObject({
      status: 404,
      code: 'not_suppressed',
    })
    expect((await api.call('GET', '/v1/suppressions/123')).body).toMatchObject({
      status: 400,
      code: 'not_a_phone_number',
    })
  })
})

describe('senders', () => {
  test('tell their rate, limit, state and why', async () => {
    const senders = async (): Promise<readonly Readonly<Record<string, unknown>>[]> =>
      (await api.call('GET', '/v1/senders')).body.senders
    expect(await senders()).toMatchObject([{ id: 'main-br', state: 'ok', why: [], messagesPerSecond: 80, limit: 80 }])
    await api.context.senders.block('main-br', 'code_190', {
      since: 1_000,
      until: null,
      code: 190,
      detail: 'the token has expired',
    })
    expect(await senders()).toMatchObject([
      {
        state: 'blocked',
        why: [{ reason: 'code_190', detail: 'the token has expired', since: '1970-01-01T00:00:01.000Z', until: null }],
      },
    ])
    await api.context.senders.unblock('main-br', 'code_190')
    await api.context.senders.throttle('main-br', 60_000)
    const [sender] = await senders()
    expect(sender).toMatchObject({ state: 'resting' })
    expect(sender?.['limit']).toBeLessThan(80)
  })

  test('that an answer blocked are let go by hand before their time', async () => {
    const { senders, campaigns } = api.context
    const since = await campaigns.now()
    await senders.block('main-br', 'code_368', { since, until: since + 3_600_000, code: 368, detail: 'account' })
    expect((await api.call('GET', '/v1/senders')).body.senders[0]).toMatchObject({ state: 'blocked' })
    const lifted = await api.call('DELETE', '/v1/senders/main-br/blocks/code_368')
    expect(lifted.status).toBe(200)
    expect(lifted.text).not.toContain('code_368')
    expect((await api.call('DELETE', '/v1/senders/main-br/blocks/code_368')).status).toBe(200)
  })

  test('that a webhook blocked are let go by hand, and what Meta said before does not block them again', async () => {
    const { notices } = api.context
    const stop = { wabaId: SENDER.wabaId, reason: 'account_disabled', word: 'stop', at: 1_000, until: null } as const
    const own = new Set(['main-br'])
    await notices.hearAccount(stop, own)
    const path = '/v1/senders/main-br/blocks/account_disabled'
    expect((await api.call('GET', '/v1/senders')).body.senders[0]).toMatchObject({ state: 'blocked' })
    const lifted = await api.call('DELETE', path)
    expect(lifted.status).toBe(200)
    expect(lifted.text).not.toContain('account_disabled')
    expect(await notices.hearAccount(stop, own)).toBe('older')
    expect((await api.context.senders.blocks('main-br', 0)).has('account_disabled')).toBe(false)
    expect(await notices.hearAccount({ ...stop, at: Date.now() + 1_000 }, own)).toBe('acted')
    expect((await api.call('DELETE', path)).status).toBe(200)
    expect((await api.call('DELETE', '/v1/senders/main-br/blocks/paused')).status).toBe(400)
    expect((await api.call('DELETE', '/v1/senders/nobody/blocks/account_disabled')).status).toBe(404)
  })

  test('tell whose word their rate is, and what Meta told of them', async () => {
    const sender = async (): Promise<Readonly<Record<string, unknown>> | undefined> =>
      (await api.call('GET', '/v1/senders')).body.senders[0]
    const configured = { origin: 'senders_file', configured: 80, max: null, learned: null }
    expect(await sender()).toMatchObject({ rate: configured, messagingLimit: null })
    await api.context.senders.learnRate('main-br', 1_000, 5_000)
    await api.context.senders.noteFact('main-br', 'messaging_limit', 'TIER_UNLIMITED', 6_000)
    expect(await sender()).toMatchObject({
      messagesPerSecond: 1_000,
      rate: {
        ...configured,
        origin: 'throughput_upgrade',
        learned: { messagesPerSecond: 1_000, at: '1970-01-01T00:00:05.000Z' },
      },
      messagingLimit: { limit: 'TIER_UNLIMITED', at: '1970-01-01T00:00:06.000Z' },
    })
  })
})

describe('events', () => {
  test('are the report at once, and again when it has changed', async () => {
    const id = await api.create()
    const stop = new AbortController()
    const response = await fetch(`http://127.0.0.1:${api.port}/v1/campaigns/${id}/events`, { signal: stop.signal })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const reports: { counts: { recipients: number } }[] = []
    const reading = (async () => {
      let text = ''
      for await (const piece of response.body ?? []) {
        text += Buffer.from(piece).toString()
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const data = /^event: report\ndata: (.*)$/m.exec(text.slice(0, end))?.[1]
          if (data !== undefined) reports.push(JSON.parse(data) as (typeof reports)[number])
          text = text.slice(end + 2)
        }
      }
    })().catch(() => {})
    await expect.poll(() => reports.length).toBe(1)
    await api.upload(id, csvOf(7))
    await expect.poll(() => reports.at(-1)?.counts.recipients, { timeout: 5_000 }).toBe(7)
    stop.abort()
    await reading
    expect((await api.call('GET', '/v1/campaigns/nope/events')).status).toBe(404)
  })
})
