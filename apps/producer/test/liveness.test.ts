import { mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePort, spawnApp, startRedis, tcpProxy } from '@chasqui/harness'
import type { App, PrivateRedis, TcpProxy } from '@chasqui/harness'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { SENDER } from './api.ts'

const NAMES = ['producer', 'send-worker', 'status-worker'] as const

type Process = { readonly app: App; readonly metricsPort: number; readonly answers: Set<string>; watching: boolean }

let redis: PrivateRedis
let proxy: TcpProxy
let folder: string
const processes = new Map<string, Process>()

beforeAll(async () => {
  redis = await startRedis()
  proxy = await tcpProxy(redis.url)
  proxy.refuse()
  folder = mkdtempSync(join(tmpdir(), 'liveness-'))
  writeFileSync(join(folder, 'senders.json'), JSON.stringify([SENDER]))
  for (const name of NAMES) {
    const metricsPort = await freePort()
    const env = {
      REDIS_URL: proxy.url,
      SENDERS_FILE: join(folder, 'senders.json'),
      PORT: '0',
      METRICS_PORT: String(metricsPort),
      WA_TOKEN_BR: 'x',
      WEBHOOK_VERIFY_TOKEN: 'x',
      WEBHOOK_APP_SECRETS: 'x',
    }
    processes.set(name, { app: spawnApp({ name, env }), metricsPort, answers: new Set(), watching: false })
  }
}, 60_000)

afterAll(async () => {
  for (const process of processes.values()) process.watching = false
  await Promise.all([...processes.values()].map(async ({ app }) => await app.stop()))
  await proxy.close()
  await redis.stop()
  await rm(folder, { recursive: true })
})

async function ask(name: string, path: string): Promise<string> {
  const port = processes.get(name)?.metricsPort ?? 0
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(4_000) }).catch(
    () => null,
  )
  return answer === null ? 'nobody answers' : `${answer.status} ${(await answer.text()).trim()}`
}

async function becomes(name: string, path: string, said: RegExp): Promise<void> {
  await expect.poll(async () => await ask(name, path), { timeout: 20_000, interval: 50 }).toMatch(said)
}

/** From its first answer on, liveness is asked for without a break. */
async function watch(name: string): Promise<void> {
  const process = processes.get(name)
  if (process === undefined) return
  process.watching = true
  while (process.watching) {
    const answer = await ask(name, '/livez')
    if (process.watching) process.answers.add(answer)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe.each(NAMES)('%s', { timeout: 60_000 }, (name) => {
  test('is alive before Redis was ever reached, and says why it is not ready', async () => {
    await becomes(name, '/livez', /^200 ok$/)
    void watch(name)
    await becomes(name, '/readyz', /^503 Redis cannot be reached/)
  })
})

describe('while Redis comes and goes', { timeout: 60_000 }, () => {
  test('all are ready when it is there, say why when it is away or silent, and never cease to be alive', async () => {
    const all = async (path: string, said: RegExp): Promise<void> =>
      void (await Promise.all(NAMES.map(async (name) => await becomes(name, path, said))))
    proxy.heal()
    await all('/readyz', /^200 ok$/)
    proxy.refuse()
    proxy.cut()
    await all('/readyz', /^503 (Redis cannot be reached|the connection to Redis has to be checked)/)
    proxy.heal()
    await all('/readyz', /^200 ok$/)
    proxy.blackHole()
    await all('/readyz', /^503 Redis (has not answered|cannot be reached)/)
    proxy.heal()
    await all('/readyz', /^200 ok$/)
    for (const { answers } of processes.values()) expect([...answers]).toEqual(['200 ok'])
  })
})
