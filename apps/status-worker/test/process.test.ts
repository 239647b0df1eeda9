import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'

import { obtainPrometheus } from '@chasqui/harness'
import { Campaigns, SenderPauses } from '@chasqui/store'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { status, statusesBody, until, World } from './world.ts'
import type { Worker } from './world.ts'

let world: World

beforeAll(async () => {
  world = await World.begin()
})

afterEach(async () => await world.stopApps())

afterAll(async () => await world.end())

const SERIES = 'chasqui_campaign_recipients{campaign="shown",disposition="accepted"}'

async function shows(worker: Worker): Promise<boolean> {
  return (await worker.metric(SERIES)) !== null
}

describe('the environment', () => {
  test.each<readonly [Readonly<Record<string, string | undefined>>, RegExp]>([
    [{ WEBHOOK_VERIFY_TOKEN: undefined }, /^WEBHOOK_VERIFY_TOKEN: found nothing, allowed: the token/],
    [{ WEBHOOK_APP_SECRETS: undefined }, /^WEBHOOK_APP_SECRETS: found nothing, allowed: app secrets/],
    [
      { WEBHOOK_APP_SECRETS: 'one,,two' },
      /^WEBHOOK_APP_SECRETS: found a value of 8 characters \(not shown\), allowed: /,
    ],
    [{ PORT: '99999' }, /^PORT: found "99999", allowed: /],
    [{ REDIS_URL: 'localhost' }, /^REDIS_URL: found a value of 9 characters \(not shown\), allowed: /],
    [{ SENDERS_FILE: '/nowhere.json' }, /^SENDERS_FILE: found "\/nowhere\.json"/],
    [{ WEBHOOK_LOG_KEEP_MB: 'much' }, /^WEBHOOK_LOG_KEEP_MB: found "much", allowed: /],
  ])('%o stops the process with one line that says what is allowed', async (env, line) => {
    const app = world.spawn(env)
    expect(await app.exited).toEqual({ code: 78, signal: null })
    expect(app.lines).toHaveLength(1)
    expect(app.lines[0]).toMatch(line)
  })

  test('two mistakes are two lines', async () => {
    const app = world.spawn({ WEBHOOK_VERIFY_TOKEN: undefined, WEBHOOK_APP_SECRETS: undefined })
    expect(await app.exited).toEqual({ code: 78, signal: null })
    expect(app.lines).toHaveLength(2)
  })
})

describe('a status-worker', { timeout: 50_000 }, () => {
  test('ends in order on SIGTERM: what is on its way is answered, nothing it acknowledged is lost', async () => {
    await world.sentCampaign('drained', 200)
    const worker = await world.start()
    const answers = Array.from({ length: 200 }, async (_, ordinal) => {
      const body = statusesBody([status('drained', ordinal, 'sent')])
      return await worker.post(body).then(
        (answer) => answer.status,
        () => 0,
      )
    })
    await Promise.any(answers)
    // A connection that never asks anything does not hold it up either.
    const silent = connect(worker.port, '127.0.0.1')
    silent.on('error', () => {})
    await once(silent, 'connect')
    worker.app.signal('SIGTERM')
    const told = await Promise.all(answers)
    expect(await worker.app.exited).toEqual({ code: 0, signal: null })
    const taken = told.filter((answer) => answer === 200).length
    expect(taken).toBeGreaterThan(0)
    // Whatever it left in the log, the next one folds; a body may be stored although its 200 was not heard.
    await world.start()
    await world.folded()
    expect((await world.counts('drained'))['delivery:sent']).toBeGreaterThanOrEqual(taken)
    expect(await world.recount('drained')).toEqual([])
  })

  test('tells Prometheus what promtool accepts, and no personal data', async () => {
    await world.sentCampaign('shown', 3)
    const worker = await world.start()
    await worker.post(statusesBody([status('shown', 0, 'read'), status('shown', 1, 'sent')]))
    await world.folded()
    await until(async () => (await worker.metric('chasqui_campaign_messages{campaign="shown",status="read"}')) === 1)
    const text = await worker.metrics()
    const { promtool } = await obtainPrometheus()
    const child = spawn(promtool, ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (said += piece.toString()))
    child.stdin.end(text)
    const [code] = (await once(child, 'close')) as [number]
    expect([code, said]).toEqual([0, ''])
    for (const name of [
      'chasqui_webhook_events_total{status="read"} 1',
      'chasqui_webhook_request_duration_seconds_bucket',
      'chasqui_webhook_lag_seconds_count 2',
      `${SERIES} 3`,
      'chasqui_campaign_messages{campaign="shown",status="sent"} 2',
    ])
      expect(text).toContain(name)
    expect(text).not.toMatch(/5511900000|wamid/)
    expect(worker.app.lines.join('\n')).not.toMatch(/5511900000|wamid/)
  })

  test('shows the time to spare of campaigns that do not move: not sent to yet, paused, of a paused sender', async () => {
    const sendBy = new Date(Date.now() + 600_000).toISOString()
    for (const id of ['fresh', 'paused']) await world.runningCampaign(id, 800, { sendBy })
    await new Campaigns(world.client, world.keys).move({ id: 'paused', from: 'running', to: 'paused', reason: 'api:x' })
    const worker = await world.start()
    const slack = async (id: string): Promise<number | null> =>
      await worker.metric(`chasqui_campaign_deadline_slack_seconds{campaign="${id}"}`)
    const standing = async (id: string, reason: string): Promise<boolean> =>
      (await worker.metric(`chasqui_campaign_standing{campaign="${id}",reason="${reason}"}`)) === 1
    await until(async () => await standing('paused', 'campaign_paused'))
    // 800 recipients at 80 a second.
    for (const id of ['fresh', 'paused']) {
      expect(await slack(id)).toBeLessThan(591)
      expect(await slack(id)).toBeGreaterThan(550)
    }
    expect(await worker.metric('chasqui_campaign_finish_eta_seconds{campaign="fresh"}')).toBe(10)
    expect(await worker.metric('chasqui_campaign_finish_eta_seconds{campaign="paused"}')).toBeNull()
    expect(await worker.metric('chasqui_campaign_not_after_timestamp_seconds{campaign="fresh"}')).toBe(
      Date.parse(sendBy) / 1_000,
    )
    await new SenderPauses(world.client, world.keys).pause('main', 'x', 'y')
    await until(async () => await standing('fresh', 'sender_paused'))
    expect(await slack('fresh')).toBeGreaterThan(550)
    await new SenderPauses(world.client, world.keys).resume('main')
    await until(async () => !(await standing('fresh', 'sender_paused')))
  })

  test('shows campaigns alone among replicas; when it is stopped, another takes over at once', async () => {
    const first = await world.start()
    await until(async () => await shows(first))
    const second = await world.start()
    await until(async () => (await second.metric('chasqui_webhook_backlog_entries')) !== null)
    expect(await shows(second)).toBe(false)
    expect(await second.metric('chasqui_campaign_exporter')).toBe(0)
    expect(await first.metric('chasqui_campaign_exporter')).toBe(1)
    await first.app.stop()
    // It gave its lease back: sooner than the ten seconds after which a silent one loses it.
    await until(async () => await shows(second), 6_000)
    expect(await second.metric('chasqui_campaign_exporter')).toBe(1)
  })

  test('forgets its campaigns when it cannot know that it still shows them alone', async () => {
    const worker = await world.start()
    await until(async () => await shows(worker))
    await world.redis.kill()
    try {
      await until(async () => !(await shows(worker)), 30_000)
      expect(await worker.metric('chasqui_campaign_exporter')).toBe(0)
    } finally {
      await world.redis.restart()
    }
    await until(async () => await shows(worker), 30_000)
  })
})
