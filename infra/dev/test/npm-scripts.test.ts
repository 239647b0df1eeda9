import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startRedis, type PrivateRedis } from '@chasqui/harness'
import { afterAll, beforeAll, expect, test } from 'vitest'

const repository = join(import.meta.dirname, '../../..')
let redis: PrivateRedis
let folder: string

beforeAll(async () => {
  redis = await startRedis()
  folder = await mkdtemp(join(tmpdir(), 'chasqui-npm-'))
  const sender = { id: 'a', phoneNumberId: '1', wabaId: '2', accessTokenEnv: 'WA_TOKEN', messagesPerSecond: 80 }
  await writeFile(join(folder, 'senders.json'), JSON.stringify([sender]))
})

afterAll(async () => {
  await redis.stop()
  await rm(folder, { recursive: true, force: true })
})

interface Started {
  readonly npm: ChildProcess
  /** The app's process id, as it says itself. */
  readonly pid: number
  readonly lines: readonly string[]
  readonly exited: Promise<unknown>
}

/** `npm run <name>` in a process group of its own, configured by the environment alone; resolves when the app is ready. */
async function npmRun(name: string): Promise<Started> {
  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    REDIS_URL: redis.url,
    REDIS_PREFIX: name,
    SENDERS_FILE: join(folder, 'senders.json'),
    WA_TOKEN: 'token',
    WEBHOOK_VERIFY_TOKEN: 'verify',
    WEBHOOK_APP_SECRETS: 'secret',
    PORT: '0',
    METRICS_PORT: '0',
  }
  const npm = spawn('npm', ['run', '--silent', name], {
    cwd: repository,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  const ready = Promise.withResolvers<number>()
  createInterface({ input: npm.stdout }).on('line', (line) => {
    lines.push(line)
    if (line.includes('"msg":"ready"')) ready.resolve((JSON.parse(line) as { pid: number }).pid)
  })
  const exited = once(npm, 'close')
  void exited.then(() => ready.reject(new Error(`npm run ${name} ended before it was ready:\n${lines.join('\n')}`)))
  return { npm, pid: await ready.promise, lines, exited }
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test.each(['producer', 'send-worker', 'status-worker', 'simulator'])(
  'npm run %s is one Node process, and SIGTERM to npm drains it',
  async (name) => {
    const { npm, pid, lines, exited } = await npmRun(name)
    if (process.platform === 'linux') {
      const [, parent] = /^PPid:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
      expect(Number(parent)).toBe(npm.pid)
    }
    npm.kill('SIGTERM')
    await exited
    expect(lines.at(-1)).toMatch(/"code":0,"msg":"stopped"/)
    expect(isAlive(pid)).toBe(false)
  },
)

test('SIGTERM to the process group, which reaches an app twice, drains it all the same', async () => {
  const { npm, pid, lines, exited } = await npmRun('producer')
  process.kill(-(npm.pid ?? 0), 'SIGTERM')
  await exited
  expect(lines.at(-1)).toMatch(/"code":0,"msg":"stopped"/)
  expect(isAlive(pid)).toBe(false)
})
