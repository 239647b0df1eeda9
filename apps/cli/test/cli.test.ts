import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { CAMPAIGN, chasqui, KEY, spawned, startInstallation } from './cli.ts'
import type { Installation, Said } from './cli.ts'

let here: Installation

beforeAll(async () => {
  here = await startInstallation()
})

afterAll(async () => {
  await here.stop()
})

/** Brazilian mobile numbers, one a row, from `from` on. */
function csv(rows: number, from = 0): string {
  const lines = Array.from({ length: rows }, (_, index) => `+55119${String(10_000_000 + from + index)},Ana ${index}`)
  return ['to,first_name', ...lines, ''].join('\n')
}

async function draft(change: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const said = await here.chasqui(['campaign', 'create', '-'], { stdin: JSON.stringify({ ...CAMPAIGN, ...change }) })
  expect(said).toMatchObject({ code: 0 })
  return said.stdout.trim()
}

const json = (said: Said): Readonly<Record<string, unknown>> =>
  JSON.parse(said.stdout) as Readonly<Record<string, unknown>>

describe('from a draft to its report', () => {
  test('create, upload, launch, watch, show and export', async () => {
    const spec = here.file('campaign.json', JSON.stringify(CAMPAIGN))
    const created = await here.chasqui(['campaign', 'create', spec])
    expect(created).toMatchObject({ code: 0, stderr: expect.stringContaining('is a draft now') as string })
    const id = created.stdout.trim()

    const uploaded = await here.chasqui(['campaign', 'upload', id, here.file('list.csv', `${csv(150)}123,too short\n`)])
    expect(uploaded).toMatchObject({ code: 0, stderr: '' })
    expect(uploaded.stdout).toContain('151 rows: 150 new, 0 known already, 1 refused')
    expect(uploaded.stdout).toMatch(/line 152: /)

    await here.startSending()
    expect(await here.chasqui(['campaign', 'launch', id])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/ is running/) as string,
    })
    const watched = await here.chasqui(['campaign', 'watch', id, '--every', '1'])
    expect(watched.code).toBe(0)
    const lines = watched.stdout.trim().split('\n')
    expect(lines.length).toBeGreaterThan(1)
    expect(lines.at(-1)).toMatch(/^\S+Z status=completed recipients=150 .*accepted=150 /)

    const shown = await here.chasqui(['campaign', 'show', id])
    expect(shown.stdout).toMatch(/^ {2}accepted\s+150 {2}100.0 %$/m)
    expect(json(await here.chasqui(['campaign', 'show', id, '--json']))).toMatchObject({
      id,
      status: 'completed',
      counts: { accepted: 150 },
    })

    const exported = await here.chasqui(['campaign', 'export', id, '--disposition', 'accepted'])
    expect(
      exported.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toHaveLength(150)
    const path = join(here.folder, 'out.csv')
    expect(await here.chasqui(['campaign', 'export', id, '--csv', '-o', path])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    })
    const [header, ...rows] = readFileSync(path, 'utf8').trim().split('\r\n')
    expect([header, rows.length]).toEqual(['to,ref,disposition,delivery,attempts', 150])
  })

  test('the same list again adds nothing, in any form it is written in', async () => {
    const id = await draft()
    const upload = async (name: string, content: string | Uint8Array): Promise<unknown> =>
      json(await here.chasqui(['--json', 'campaign', 'upload', id, here.file(name, content)]))
    expect(await upload('a.csv', csv(20))).toMatchObject({ accepted: 20, duplicates: 0 })
    expect(await upload('a.csv.gz', gzipSync(csv(20)))).toMatchObject({ accepted: 0, duplicates: 20 })
    expect(
      await upload('a.ndjson', '{"to":"+5511910000019","first_name":"x"}\n{"to":"+5511910000020","first_name":"y"}\n'),
    ).toMatchObject({ accepted: 1, duplicates: 1 })
    expect(await upload('a.json', '[{"to":"+5511910000021","first_name":"x"}]')).toMatchObject({ accepted: 1 })
    const piped = await here.chasqui(['campaign', 'upload', id, '-', '--format', 'csv', '--json'], { stdin: csv(30) })
    expect(json(piped)).toMatchObject({ rows: 30, accepted: 8, duplicates: 22 })
  })

  test('the same idempotency key makes one campaign', async () => {
    const create = async (): Promise<Said> =>
      await here.chasqui(['campaign', 'create', '-', '--idempotency-key', 'k1'], { stdin: JSON.stringify(CAMPAIGN) })
    const first = await create()
    expect(await create()).toMatchObject({ code: 0, stdout: first.stdout })
  })

  test('pause, resume and cancel; who watches a campaign that is canceled is told', async () => {
    const id = await draft({ schedule: { startAt: '2099-01-01T00:00:00Z' } })
    await here.chasqui(['campaign', 'upload', id, '-', '--format', 'csv'], { stdin: csv(3) })
    expect((await here.chasqui(['campaign', 'launch', id])).stdout).toBe(`${CAMPAIGN.name} is scheduled\n`)
    const listed = await here.chasqui(['campaign', 'list', '--status', 'scheduled'])
    expect(listed.stdout).toMatch(new RegExp(`^${id} +scheduled +3 +main +\\S+ +${CAMPAIGN.name}$`, 'm'))
    expect((await here.chasqui(['campaign', 'cancel', id])).stdout).toContain('is canceled')
    const watched = await here.chasqui(['campaign', 'watch', id, '--json'])
    expect(watched).toMatchObject({ code: 5, stderr: expect.stringContaining('was canceled') as string })
    expect(json(watched)).toMatchObject({ id, status: 'canceled' })
  })

  test('a list longer than one page of the API', async () => {
    const { stdout } = await here.chasqui(['campaign', 'list', '--limit', '2', '--json'])
    const { campaigns } = JSON.parse(stdout) as { campaigns: { id: string }[] }
    expect(campaigns).toHaveLength(2)
    const all = await here.chasqui(['campaign', 'list', '--limit', '1000', '--json'])
    expect((JSON.parse(all.stdout) as { campaigns: unknown[] }).campaigns.length).toBeGreaterThan(2)
  })
})

describe('opt-outs', () => {
  test('added, checked and taken back, in any spelling', async () => {
    expect(await here.chasqui(['suppress', 'check', '+5511990000001'])).toEqual({
      code: 5,
      stdout: '',
      stderr: 'chasqui: +5511990000001 is not suppressed\n',
    })
    expect((await here.chasqui(['suppress', 'add', '+55 11 99000-0001', '005511990000002'])).stdout).toContain(
      '2 rows: 2 new',
    )
    for (const number of ['+5511990000001', '+5511990000002'])
      expect(await here.chasqui(['suppress', 'check', number])).toMatchObject({ code: 0 })
    expect((await here.chasqui(['suppress', 'remove', '+5511990000001'])).code).toBe(0)
    expect((await here.chasqui(['suppress', 'check', '+5511990000001'])).code).toBe(5)
  })

  test('a list from a file', async () => {
    const path = here.file('optouts.csv', 'to\n+5511990000003\n+5511990000003\nnobody\n')
    const said = await here.chasqui(['suppress', 'add', '--file', path, '--json'])
    expect(said.code).toBe(0)
    expect(json(said)).toMatchObject({ rows: 3, accepted: 1, duplicates: 1, rejected: 1 })
  })

  test('a number that was typed in and not understood is no success', async () => {
    expect(await here.chasqui(['suppress', 'add', '12'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('1 of 1 numbers') as string,
    })
  })

  test('numbers or a list, not both and not neither', async () => {
    expect((await here.chasqui(['suppress', 'add'])).code).toBe(2)
    expect((await here.chasqui(['suppress', 'add', '+5511990000001', '--file', 'x.csv'])).code).toBe(2)
  })
})

test('senders, with what stops them', async () => {
  const said = await here.chasqui(['senders'])
  expect(said.stdout).toMatch(/^sender {2}state {2,}configured\/s/)
  expect(said.stdout).toMatch(/^main +(ok|resting) +80 +80 +\d/m)
  expect(json(await here.chasqui(['senders', '--json']))).toMatchObject({ senders: [{ id: 'main' }] })
  expect(said.stdout).not.toContain('replies')
  // As the status-worker and the send-worker count them.
  await here.redis('HSET chasqui:{s:main}:echoes reply:tap 5 click:link 2')
  await here.redis(`HSET chasqui:{s:main}:failures:${Math.floor(Date.now() / 86_400_000)} failed:131026 4`)
  const later = await here.chasqui(['senders'])
  expect(later.stdout).toContain('main: replies  5 taps')
  expect(later.stdout).toContain('main: clicks  2 links')
  expect(later.stdout).toMatch(/131026 +4 {2}undeliverable/)
})

describe('what is refused', () => {
  test('names the field', async () => {
    const said = await here.chasqui(['campaign', 'create', '-'], {
      stdin: JSON.stringify({ ...CAMPAIGN, sendby: 'x', template: { name: 'A b', language: 'pt_BR' } }),
    })
    expect(said.code).toBe(1)
    expect(said.stdout).toBe('')
    expect(said.stderr).toMatch(/^chasqui: .*\(invalid_request\)$/m)
    expect(said.stderr).toMatch(/^ {2}\/template\/name: /m)
    expect(said.stderr).toMatch(/^ {2}\/sendby: is not known here$/m)
  })

  test('is told to programs as the problem document', async () => {
    const said = await here.chasqui(['campaign', 'show', 'no-such-campaign', '--json'])
    expect([said.code, said.stdout]).toEqual([1, ''])
    expect(JSON.parse(said.stderr)).toMatchObject({
      error: { exit: 'refused', problem: { status: 404, code: 'campaign_not_found' } },
    })
  })

  test('a list without the column that the template needs leaves nothing behind', async () => {
    const id = await draft()
    const said = await here.chasqui(['campaign', 'upload', id, '-', '--format', 'csv'], {
      stdin: 'to,name\n+5511910000000,Ana\n',
    })
    expect(said).toMatchObject({ code: 1, stderr: expect.stringContaining('missing_placeholder_column') as string })
    expect(json(await here.chasqui(['campaign', 'show', id, '--json']))).toMatchObject({ counts: { recipients: 0 } })
  })

  test('a list that breaks off in a row says what is stored', async () => {
    const id = await draft()
    const said = await here.chasqui(['campaign', 'upload', id, '-', '--format', 'csv'], {
      stdin: `${csv(2)}+5511910000009,"An`,
    })
    expect(said.code).toBe(1)
    expect(said.stderr).toContain('(body_broke_off)')
    expect(said.stderr).toMatch(/Stored before that: 2 new/)
  })

  test('a large list for a campaign that takes no more is answered, not cut off', async () => {
    const id = await draft({ schedule: { startAt: '2099-01-01T00:00:00Z' } })
    await here.chasqui(['campaign', 'cancel', id])
    const said = await here.chasqui(['campaign', 'upload', id, here.file('large.csv', csv(200_000))])
    expect(said).toMatchObject({ code: 1, stderr: expect.stringContaining('(campaign_not_open)') as string })
  })
})

describe('what cannot be done', () => {
  test('nobody answers', async () => {
    const said = await here.chasqui(['senders'], { env: { CHASQUI_URL: 'http://127.0.0.1:1' } })
    expect([said.code, said.stdout]).toEqual([3, ''])
    expect(said.stderr).toMatch(/^chasqui: http:\/\/127\.0\.0\.1:1 cannot be reached.*ECONNREFUSED$/m)
  })

  test('no key, or another one', async () => {
    for (const key of ['', 'another'])
      expect(await here.chasqui(['senders'], { env: { CHASQUI_API_KEY: key } })).toMatchObject({
        code: 4,
        stderr: expect.stringContaining('CHASQUI_API_KEY') as string,
      })
  })

  test('the key is sent to nobody else and shown nowhere', async () => {
    for (const args of [['senders', '--json'], ['doctor'], ['campaign', 'show', 'x']]) {
      const said = await here.chasqui(args)
      expect(said.stdout + said.stderr).not.toContain(KEY)
    }
  })

  test.each([
    [['campaign', 'upload', 'x', '/nowhere.csv'], /"\/nowhere\.csv" cannot be read/],
    [['campaign', 'upload', 'x', '/tmp', '--format', 'csv'], /"\/tmp" is no file/],
    [['campaign', 'upload', 'x', '-'], /say how it is written/],
    [['campaign', 'create', '/nowhere.json'], /cannot be read/],
    [['campaign', 'list', '--status', 'odd'], /odd/],
    [['campaign', 'list', '--limit', '0'], /whole number/],
    [['campaign', 'show'], /missing required argument/],
    [['campaign', 'explode', 'x'], /unknown command/],
    [['suppress', 'check', 'x', '--odd'], /unknown option/],
  ])('%j is wrong use', async (args, message) => {
    const said = await here.chasqui(args)
    expect([said.code, said.stdout]).toEqual([2, ''])
    expect(said.stderr).toMatch(message)
  })

  test('a wrong environment', async () => {
    expect(await chasqui(['senders'], { env: { CHASQUI_URL: 'nowhere' } })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CHASQUI_URL') as string,
    })
  })

  test('a spec that is no JSON', async () => {
    expect(await here.chasqui(['campaign', 'create', '-'], { stdin: '{' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is no JSON') as string,
    })
  })
})

describe('as a process', () => {
  const env = (): Readonly<Record<string, string>> => ({ CHASQUI_URL: here.url, CHASQUI_API_KEY: KEY })

  test('it reads standard input, answers on standard output, and ends with its code', async () => {
    const id = await draft()
    const said = await spawned(['campaign', 'upload', id, '-', '--format', 'csv', '--json'], {
      env: env(),
      stdin: csv(5_000),
    })
    expect(said).toMatchObject({ code: 0, stderr: '' })
    expect(json(said)).toMatchObject({ accepted: 5_000 })
    expect(await spawned(['campaign', 'show', 'nobody'], { env: env() })).toMatchObject({ code: 1, stdout: '' })
    expect(await spawned([], {})).toMatchObject({ code: 2, stdout: '' })
  })

  test('it ends when nobody answers, with its input unread', async () => {
    const said = await spawned(['campaign', 'upload', 'x', '-', '--format', 'csv'], {
      env: { CHASQUI_URL: 'http://127.0.0.1:1' },
      stdin: csv(10),
    })
    expect(said.code).toBe(3)
  })
})

describe('help', () => {
  test('tells of the environment and the exit codes, and is no failure', async () => {
    for (const args of [['--help'], ['help']]) {
      const said = await chasqui(args, {})
      expect(said).toMatchObject({ code: 0, stderr: '' })
      expect(said.stdout).toContain('CHASQUI_API_KEY')
      expect(said.stdout).toContain('Exit codes')
    }
  })

  test('every command explains itself', async () => {
    for (const command of [
      'create',
      'upload',
      'launch',
      'pause',
      'resume',
      'cancel',
      'show',
      'list',
      'watch',
      'export',
    ]) {
      const said = await chasqui(['campaign', command, '--help'], {})
      expect([command, said.code, said.stdout.split('\n').length > 4]).toEqual([command, 0, true])
    }
  })
})

describe('stopping and looking', () => {
  test('a sender is paused and resumed; who and why is shown, and the doctor finds it', async () => {
    const paused = await here.chasqui(['senders', 'pause', 'main', '--reason', 'complaints'])
    expect(paused).toMatchObject({ code: 0, stdout: expect.stringMatching(/^main is paused/) as string })
    const { stdout } = await here.chasqui(['senders'])
    expect(stdout).toMatch(/^main +paused .*paused by api:tests \(complaints\) until somebody lifts it$/m)
    expect((await here.chasqui(['doctor'])).stdout).toMatch(/^BAD {2}sender main is paused: /m)
    expect(await here.chasqui(['senders', 'resume', 'main'])).toMatchObject({ code: 0, stdout: 'main is ok\n' })
    expect(await here.chasqui(['senders', 'pause', 'nobody'])).toMatchObject({ code: 1 })
  })

  test('everything is stopped and started again', async () => {
    expect(await here.chasqui(['sending'])).toEqual({ code: 0, stdout: 'sending is on\n', stderr: '' })
    const order = /^stopped by api:tests since \S+Z: wrong list$/m
    expect(await here.chasqui(['stop-everything', '--reason', 'wrong list'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(order) as string,
    })
    expect(await here.chasqui(['sending'])).toMatchObject({ code: 5, stdout: expect.stringMatching(order) as string })
    expect((await here.chasqui(['doctor'])).stdout).toMatch(/^BAD {2}stopped by api:tests/m)
    expect(await here.chasqui(['start-again'])).toMatchObject({ code: 0, stdout: 'sending is on\n' })
  })

  test('a quarantine is shown and released, with who and why', async () => {
    const since = Date.now()
    await here.redis(
      `HSET chasqui:{registry}:heart quarantine "gone backwards" quarantineBy "send-worker 7" quarantineSince ${since}`,
    )
    expect((await here.chasqui(['sending'])).stdout).toMatch(
      /^quarantined by send-worker 7 since \S+Z: gone backwards$/m,
    )
    expect((await here.chasqui(['release', '--reason', 'looked at it'])).stdout).toMatch(
      /^sending is on\nlast quarantine released by api:tests at \S+Z: looked at it\n$/,
    )
  })

  test('recount ends with 0 when every number is right, and with 5 and the numbers when not', async () => {
    const id = await draft()
    await here.chasqui(['campaign', 'upload', id, '-', '--format', 'csv'], { stdin: csv(3, 500) })
    expect(await here.chasqui(['recount', id])).toMatchObject({
      code: 0,
      stdout: `${id}: every number is what the ledger says\n`,
    })
    await here.redis(`HINCRBY chasqui:{c:${id}}:counts pending -1`)
    const wrong = await here.chasqui(['recount', id])
    expect([wrong.code, wrong.stdout]).toEqual([5, 'counter  says  in the ledger\npending     2              3\n'])
    expect(json(await here.chasqui(['recount', id, '--json']))).toMatchObject({ equal: false })
    expect(await here.chasqui(['recount', 'nope'])).toMatchObject({ code: 1 })
  })
})

describe('doctor', () => {
  test('all is well', async () => {
    const said = await here.chasqui(['doctor'])
    expect(said).toMatchObject({ code: 0, stderr: '' })
    expect(
      said.stdout
        .split('\n')
        .filter((line) => line !== '')
        .every((line) => line.startsWith('ok  ')),
    ).toBe(true)
  })

  test('a wrong key', async () => {
    const said = await here.chasqui(['doctor'], { env: { CHASQUI_API_KEY: 'another' } })
    expect(said.code).toBe(4)
    expect(said.stdout).toMatch(/^ok {3}the API answers at .*\nBAD {2}/)
  })

  test('somebody else answers there', async () => {
    const server = createServer((_request, response) => response.end('{}')).listen(0, '127.0.0.1')
    try {
      await new Promise((resolve) => server.once('listening', resolve))
      const said = await here.chasqui(['doctor', '--json'], {
        env: { CHASQUI_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
      })
      expect([said.code, json(said)]).toMatchObject([3, { findings: [{ ok: false }] }])
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })
})
