import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { spawnApp, startRedis, tcpProxy } from '@chasqui/harness'
import { afterAll, beforeAll, expect, test } from 'vitest'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chasqui-start-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

async function senders(name: string, content: unknown): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const SENDER = {
  id: 'main',
  phoneNumberId: '106540352242922',
  wabaId: '1',
  accessTokenEnv: 'TEST_TOKEN',
  messagesPerSecond: 80,
  baseUrl: null,
}

test('a worker that starts before its Redis says so, waits, and begins when it comes', async () => {
  const redis = await startRedis()
  const proxy = await tcpProxy(redis.url)
  proxy.refuse()
  const env = {
    REDIS_URL: proxy.url,
    SENDERS_FILE: await senders('senders.json', [SENDER]),
    TEST_TOKEN: 'x',
    METRICS_PORT: '0',
  }
  const worker = spawnApp({ name: 'send-worker', env })
  const said = await worker.waitFor(/Redis cannot be reached at REDIS_URL/)
  expect(JSON.parse(said)).toMatchObject({ level: 'error' })
  // Longer than a command waits for its answer: that must not end it either.
  await worker.waitFor(/"msg":"ready"/, 6_500).catch(() => {})
  expect(worker.lines.some((line) => line.includes('"msg":"ready"'))).toBe(false)
  proxy.heal()
  await worker.ready()
  expect(await worker.stop()).toEqual({ code: 0, signal: null })
  await proxy.close()
  await redis.stop()
}, 60_000)

test.each<[string, string, RegExp]>([
  ['is no JSON', '[{', /^SENDERS_FILE .*no JSON/],
  ['is no list', '{}', /^SENDERS_FILE .*allowed: /],
  ['names a sender twice', JSON.stringify([SENDER, SENDER]), /^SENDERS_FILE .*allowed: /],
  ['has a wrong limit', JSON.stringify([{ ...SENDER, messagesPerSecond: -1 }]), /^SENDERS_FILE.*messagesPerSecond/],
  ['has a field nobody knows', JSON.stringify([{ ...SENDER, token: 'secret' }]), /^SENDERS_FILE.*token/],
])('a senders file that %s stops it, and every line says what is wrong', async (name, content, line) => {
  const worker = spawnApp({
    name: 'send-worker',
    env: { SENDERS_FILE: await senders(`${name}.json`, content), TEST_TOKEN: 'x' },
  })
  expect(await worker.exited).toEqual({ code: 78, signal: null })
  expect(worker.lines.length).toBeGreaterThan(0)
  for (const said of worker.lines) expect(said).toMatch(line)
  expect(worker.lines.join('\n')).not.toContain('secret')
})

test('a lease shorter than a request may take is refused', async () => {
  const env = {
    SENDERS_FILE: await senders('s.json', [SENDER]),
    TEST_TOKEN: 'x',
    SEND_LEASE_MS: '20000',
    SEND_TIMEOUT_MS: '20000',
  }
  const worker = spawnApp({ name: 'send-worker', env })
  expect(await worker.exited).toEqual({ code: 78, signal: null })
  expect(worker.lines).toEqual([expect.stringMatching(/^SEND_LEASE_MS: found 20000, allowed: at least 22500/)])
})
