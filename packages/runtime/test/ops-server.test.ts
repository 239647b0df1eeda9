import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { obtainPrometheus } from '@chasqui/harness'
import { afterEach, expect, test } from 'vitest'
import { createMetrics, startOpsServer, type OpsServer, type Readiness } from '../src/index.ts'

let server: OpsServer | undefined
afterEach(() => server?.close())

async function started(ready: () => Promise<Readiness> = async () => ({ ok: true })) {
  const metrics = createMetrics({ app: 'test' })
  server = await startOpsServer({ host: '127.0.0.1', port: 0, registry: metrics.registry, ready })
  const get = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(`http://127.0.0.1:${server?.port}${path}`, init)
  return { metrics, get }
}

test('/metrics has what was counted, the process and the build', async () => {
  const { metrics, get } = await started()
  metrics.counter({ name: 'chasqui_things_total', help: 'Things.', labelNames: ['kind'] }).inc({ kind: 'a' }, 3)
  const response = await get('/metrics')
  expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4')
  const body = await response.text()
  expect(body).toContain('chasqui_things_total{kind="a"} 3')
  expect(body).toMatch(/^process_resident_memory_bytes \d+/m)
  expect(body).toMatch(/^chasqui_build_info\{app="test",version="\d+\.\d+\.\d+",node="v\d+/m)
})

test('promtool accepts /metrics', { timeout: 180_000 }, async () => {
  const { metrics, get } = await started()
  metrics.gauge({ name: 'chasqui_width_meters', help: 'A width.' }).set(1)
  metrics.histogram({ name: 'chasqui_wait_seconds', help: 'A wait.', buckets: [0.1, 1] }).observe(0.5)
  const { promtool } = await obtainPrometheus()
  const check = spawn(promtool, ['check', 'metrics'], { stdio: ['pipe', 'ignore', 'pipe'] })
  let complaints = ''
  check.stderr.on('data', (text) => (complaints += text))
  check.stdin.end(await (await get('/metrics')).text())
  await once(check, 'close')
  // prom-client's own nodejs_* names break one style rule of promtool's; ours break none.
  expect(complaints.split('\n').filter((line) => line !== '' && !line.startsWith('nodejs_'))).toEqual([])
})

test('/livez says ok whatever readiness says', async () => {
  const { get } = await started(async () => ({ ok: false, why: 'no Redis' }))
  expect((await get('/livez')).status).toBe(200)
})

test('/readyz tells the reason', async () => {
  let readiness: Readiness = { ok: false, why: 'no Redis' }
  const { get } = await started(async () => readiness)
  const refused = await get('/readyz')
  expect([refused.status, await refused.text()]).toEqual([503, 'no Redis\n'])
  readiness = { ok: true }
  expect((await get('/readyz')).status).toBe(200)
})

test('/readyz is no when the question throws or hangs', async () => {
  let ready = async (): Promise<Readiness> => {
    throw new Error('broken')
  }
  const { get } = await started(() => ready())
  expect(await (await get('/readyz')).text()).toBe('broken\n')
  ready = () => new Promise(() => {})
  expect(await (await get('/readyz')).text()).toBe('no answer within 2000 ms\n')
})

test('nothing else is served', async () => {
  const { get } = await started()
  expect((await get('/')).status).toBe(404)
  expect((await get('/constructor')).status).toBe(404)
  expect((await get('/metrics', { method: 'POST' })).status).toBe(405)
  expect((await get('/metrics?x=1')).status).toBe(200)
})

test('close ends open connections and may be called twice', async () => {
  const { get } = await started()
  await get('/livez')
  await server?.close()
  await server?.close()
  await expect(get('/livez')).rejects.toThrow()
})

test('two registries share nothing', async () => {
  const one = createMetrics({ app: 'one' })
  const two = createMetrics({ app: 'two' })
  one.counter({ name: 'chasqui_same_total', help: 'Same.' }).inc()
  expect(await two.registry.metrics()).not.toContain('chasqui_same_total')
})
