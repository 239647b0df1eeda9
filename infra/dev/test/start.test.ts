import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnApp, type App } from '@chasqui/harness'
import { afterEach, beforeEach, expect, test } from 'vitest'

let folder: string
const started: App[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chasqui-start-'))
})

afterEach(async () => {
  await Promise.all(started.splice(0).map((app) => app.stop()))
  await rm(folder, { recursive: true, force: true })
})

/** `npm start` without npm, with a configuration of its own. */
async function start(env: Record<string, string> = {}): Promise<App> {
  const sendersFile = join(folder, 'senders.json')
  const sender = { id: 'a', phoneNumberId: '1', wabaId: '2', accessTokenEnv: 'WA_TOKEN', messagesPerSecond: 80 }
  await writeFile(sendersFile, JSON.stringify([sender]))
  const app = spawnApp({
    name: 'start',
    script: join(import.meta.dirname, '../start.ts'),
    env: {
      CHASQUI_REDIS_DIR: join(folder, 'redis'),
      SENDERS_FILE: sendersFile,
      WA_TOKEN: 'token',
      WEBHOOK_VERIFY_TOKEN: 'verify',
      WEBHOOK_APP_SECRETS: 'secret',
      PORT: '0',
      METRICS_PORT: '0',
      ...env,
    },
  })
  started.push(app)
  return app
}

/** Process ids of everything that said it is ready, and of the embedded Redis. */
async function allReady(app: App): Promise<number[]> {
  const names = ['producer', 'send-worker', 'status-worker']
  const lines = await Promise.all(names.map((name) => app.waitFor(new RegExp(`"name":"${name}".*"msg":"ready"`))))
  return lines.map((line) => (JSON.parse(line) as { pid: number }).pid)
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('the whole stack comes up with an embedded Redis, and SIGTERM ends all of it with 0', async () => {
  const app = await start()
  const pids = await allReady(app)
  expect(pids.every(isAlive)).toBe(true)
  const [, redisUrl = ''] = /embedded Redis at (\S+),/.exec(app.lines.join('\n')) ?? []
  app.signal('SIGTERM')
  expect(await app.exited).toEqual({ code: 0, signal: null })
  expect(pids.some(isAlive)).toBe(false)
  await expect(fetch(redisUrl.replace('redis', 'http'))).rejects.toThrow('fetch failed')
})

test('one app that cannot start ends the rest, with what it said and its exit code', async () => {
  const app = await start({ WEBHOOK_VERIFY_TOKEN: '' })
  expect((await app.exited).code).toBe(78)
  expect(app.lines.join('\n')).toMatch(
    /WEBHOOK_VERIFY_TOKEN: found nothing, allowed: .*[\s\S]*start: status-worker ended \(78\), so the rest is stopped/,
  )
})

test('a second one on the same data is refused in one sentence', async () => {
  await allReady(await start())
  const second = await start()
  expect((await second.exited).code).toBe(1)
  expect(second.lines).toEqual([expect.stringContaining('another npm start has its data in')])
})
