import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkPanels, checkRules } from '../src/check-panels.ts'
import type { DashboardQueries } from '../src/check-panels.ts'
import { dashboardFiles } from '../src/files.ts'
import { Prometheus } from '../src/prometheus.ts'
import type { Window } from '../src/prometheus.ts'
import { readRules } from './repository.ts'
import { startStack } from './stack.ts'
import type { Stack } from './stack.ts'

/**
 * One run, watched by a real Prometheus with our configuration and rules, on a Redis with our settings and users: a
 * campaign that ends, a sender that Meta has locked, one that an operator pauses, a stranger's webhook, a status nobody asked for, and at last a
 * Redis that dies and comes back.
 */
const RECIPIENTS = 2_000
const ACCOUNT = '102290129340398'
const FREE = { id: 'main-br', phoneNumberId: '106540352242922', wabaId: ACCOUNT, messagesPerSecond: 300 }
const PAUSED = { id: 'paused-ar', phoneNumberId: '106540352242924', wabaId: ACCOUNT, messagesPerSecond: 80 }
/** Of an account of its own: a locked account stops all its senders. */
const LOCKED = { id: 'locked-mx', phoneNumberId: '106540352242923', wabaId: '102290129340399', messagesPerSecond: 80 }

let stack: Stack
let prometheus: Prometheus
let watched: Window
/** The campaign's report before Redis was killed, when nothing moved any more, and after it was back. */
let before: unknown
let after: unknown

beforeAll(async () => {
  stack = await startStack({
    senders: [FREE, LOCKED, PAUSED],
    simulator: {
      // None whose retry would come after minutes: the run is to end.
      answers: { rejectedCodes: [131021, 132012] },
      // Less than we believe, so that 130429 comes.
      numbers: { [FREE.phoneNumberId]: { perSecond: 250 }, [LOCKED.phoneNumberId]: { blockedBy: 131031 } },
    },
  })
  prometheus = new Prometheus(stack.prometheusUrl)
  await until('every target is scraped', async () => (await prometheus.instant('count(up == 1) == 5')).length > 0)
  await until(
    'one replica exports',
    async () => (await prometheus.instant('sum(chasqui_campaign_exporter) == 1')).length > 0,
  )
  await until('no alert is left of the start', async () => (await prometheus.instant('ALERTS')).length === 0)
  const from = Date.now() / 1_000

  await api('POST', `/v1/senders/${PAUSED.id}/pause`)
  const [campaign] = await Promise.all([launch(FREE.id, RECIPIENTS), launch(LOCKED.id, 20), launch(PAUSED.id, 20)])
  await strangersWebhook()
  await statusOfNobody()
  await until(
    'the campaign completes',
    async () => (await api('GET', `/v1/campaigns/${campaign}`)).body['status'] === 'completed',
    60_000,
  )
  await until(
    'the locked sender shows',
    async () => (await prometheus.instant('chasqui_sender_blocked == 1')).length > 0,
  )
  await until(
    'the campaign of the paused sender shows',
    async () => (await prometheus.instant('chasqui_campaign_standing{reason="sender_paused"}')).length > 0,
  )
  await until(
    'the dead letter shows',
    async () => (await prometheus.instant('chasqui_webhook_unmatched_total > 0')).length > 0,
  )
  await until('every status is folded', async () => {
    await fetch(`${stack.simulatorUrl}/_simulator/idle`)
    return (await prometheus.instant('max(chasqui_webhook_backlog_entries) == 0')).length > 0
  })
  before = await reportOf(campaign)
  await redisOutage()
  after = await reportOf(campaign)
  watched = { from, to: Date.now() / 1_000, step: 1 }
}, 180_000)

afterAll(async () => {
  await stack?.stop()
})

test('every query of every panel, and every drop-down, has data', async () => {
  const dashboards = dashboardFiles().map(({ json }) => JSON.parse(json) as DashboardQueries)
  const findings = await checkPanels(stack.prometheusUrl, dashboards, watched)
  expect(findings.length).toBeGreaterThan(50)
  expect(findings.filter(({ problem }) => problem !== null)).toEqual([])
})

test('every rule is evaluated, and every series that an alert speaks of exists', async () => {
  const findings = await checkRules(stack.prometheusUrl, watched, new Map())
  const { alerts } = await readRules()
  for (const { alert } of alerts) expect(findings.map(({ where }) => where)).toContain(alert)
  expect(findings.filter(({ problem }) => problem !== null)).toEqual([])
})

test('the alerts that this run gives reason for were on their way, and none for what was well', async () => {
  const raised = new Set((await prometheus.range('ALERTS', watched)).map(({ labels }) => labels['alertname']))
  expect(raised).toContain('ChasquiSenderBlocked')
  expect(raised).toContain('ChasquiRedisDown')
  for (const calm of [
    'ChasquiAppMissing',
    'ChasquiExporterSilent',
    'ChasquiRedisNotDurable',
    'ChasquiRedisEvicting',
    'ChasquiRedisMemoryHigh',
    'ChasquiRestartLoop',
  ]) {
    expect(raised).not.toContain(calm)
  }
})

test('nothing that was acknowledged is lost when Redis is killed, with our settings and our users', () => {
  expect(before).toMatchObject({ status: 'completed', counts: { recipients: RECIPIENTS, pending: 0, sending: 0 } })
  expect(after).toEqual(before)
})

test('the campaign is told once and in full: dispositions add up to its recipients', async () => {
  const [total] = await prometheus.instant(
    'sum by (campaign) (campaign_disposition:chasqui_campaign_recipients:max) > 100',
  )
  expect(total?.values).toEqual([RECIPIENTS])
})

test.each(['producer', 'send-worker', 'status-worker'])(
  'promtool finds nothing to say about the metrics of %s',
  async (job) => {
    const exposition = await (await fetch(String(stack.metricsUrls[job]))).text()
    expect(exposition).toContain('chasqui_build_info')
    const promtool = spawn(stack.promtool, ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] })
    promtool.stdin.end(exposition)
    const [said] = await Promise.all([text(promtool.stderr), once(promtool, 'close')])
    expect(said).toBe('')
    expect(promtool.exitCode).toBe(0)
  },
)

test.each(['producer', 'send-worker', 'status-worker'])(
  'the metrics of %s tell no number of a person and no message id',
  async (job) => {
    const exposition = await (await fetch(String(stack.metricsUrls[job]))).text()
    expect(exposition).not.toMatch(/\+?5511\d{9}|wamid/)
  },
)

async function launch(sender: string, recipients: number): Promise<string> {
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString()
  const parameters = [{ type: 'text', text: '{{first_name}}' }]
  const { body } = await api('POST', '/v1/campaigns', {
    name: `watched ${sender}`,
    sender,
    template: { name: 'watched', language: 'pt_BR', components: [{ type: 'body', parameters }] },
    sendBy: inAnHour,
  })
  const id = String(body['id'])
  const rows = Array.from({ length: recipients }, (_, index) => `+55119${String(10_000_000 + index)},Ana\n`)
  await api('POST', `/v1/campaigns/${id}/recipients`, `to,first_name\n${rows.join('')}`, 'text/csv')
  await api('POST', `/v1/campaigns/${id}/launch`)
  return id
}

async function reportOf(id: string): Promise<unknown> {
  const { status, counts, delivery, errors, route } = (await api('GET', `/v1/campaigns/${id}`)).body
  return { status, counts, delivery, errors, route }
}

type Answer = { readonly status: number; readonly body: Readonly<Record<string, unknown>> }

async function api(method: string, path: string, body?: unknown, type = 'application/json'): Promise<Answer> {
  const answer = await call(method, path, body, type)
  if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer
}

async function call(method: string, path: string, body?: unknown, type = 'application/json'): Promise<Answer> {
  const content =
    body === undefined
      ? {}
      : { headers: { 'content-type': type }, body: typeof body === 'string' ? body : JSON.stringify(body) }
  const response = await fetch(`${stack.apiUrl}${path}`, { method, ...content })
  return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> }
}

/** A body under a wrong signature: 401. */
async function strangersWebhook(): Promise<void> {
  const response = await fetch(stack.webhookUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` },
    body: '{"object":"whatsapp_business_account","entry":[]}',
  })
  expect(response.status).toBe(401)
}

/** A genuine status of a message that no campaign of ours sent. */
async function statusOfNobody(): Promise<void> {
  const status = {
    kind: 'status',
    wamid: 'wamid.NOBODY',
    status: 'delivered',
    phoneNumberId: FREE.phoneNumberId,
    recipient: '+5511900000000',
  }
  const response = await fetch(`${stack.simulatorUrl}/_simulator/webhooks`, {
    method: 'POST',
    body: JSON.stringify(status),
  })
  expect(response.status).toBe(200)
}

/** Redis dies; API and webhooks say 503, and Prometheus sees both; Redis comes back and so does everything else. */
async function redisOutage(): Promise<void> {
  await stack.redis.kill()
  await until('the API says 503', async () => (await call('GET', '/v1/campaigns')).status === 503)
  await until('a webhook is answered 503', async () => {
    const response = await fetch(`${stack.simulatorUrl}/_simulator/webhooks`, {
      method: 'POST',
      body: JSON.stringify({ kind: 'status', wamid: 'wamid.LATER', status: 'sent', phoneNumberId: FREE.phoneNumberId }),
    })
    return ((await response.json()) as { answers: number[] }).answers[0] === 503
  })
  await until('Prometheus sees it all', async () => {
    const seen = await Promise.all(
      [
        'redis_up == 0',
        'chasqui_http_request_duration_seconds_count{status="503"} > 0',
        'chasqui_webhook_request_duration_seconds_count{status="503"} > 0',
        'ALERTS{alertname="ChasquiRedisDown"}',
      ].map((expr) => prometheus.instant(expr)),
    )
    return seen.every((series) => series.length > 0)
  })
  await stack.redis.restart()
  await until('the API is back', async () => (await call('GET', '/v1/campaigns')).status === 200)
  await until(
    'claims are allowed again',
    async () => (await prometheus.instant('chasqui_claims_forbidden == 0')).length > 0,
  )
  await until('Prometheus sees Redis again', async () => (await prometheus.instant('redis_up == 1')).length > 0)
}

async function until(what: string, holds: () => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Not in ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
