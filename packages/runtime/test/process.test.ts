import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnApp, type App } from '@chasqui/harness'
import { afterEach, expect, test } from 'vitest'

const apps: App[] = []
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.stop(0)))
})

function fixture(name: string, args: string[] = [], env: Record<string, string> = {}): App {
  const app = spawnApp({ name, script: join(import.meta.dirname, `fixtures/${name}.ts`), args, env })
  apps.push(app)
  return app
}

const messages = (app: App): unknown[] => app.lines.map((line) => (JSON.parse(line) as { msg: unknown }).msg)

test.each(['SIGTERM', 'SIGINT'] as const)('%s runs the steps in order and ends with 0', async (signal) => {
  const app = fixture('stopping')
  await app.waitFor(/"ready"/)
  app.signal(signal)
  expect(await app.exited).toEqual({ code: 0, signal: null })
  expect(messages(app)).toEqual(['ready', 'stopping', 'first ran', 'third ran', 'stopped'])
})

test('a step that throws does not keep the next from running; the end is 1', async () => {
  const app = fixture('stopping', ['throws'])
  await app.waitFor(/"ready"/)
  app.signal('SIGTERM')
  expect((await app.exited).code).toBe(1)
  expect(messages(app)).toEqual(['ready', 'stopping', 'first ran', 'shutdown step failed', 'third ran', 'stopped'])
})

test('a step that hangs is given up at the deadline', async () => {
  const app = fixture('stopping', ['hangs'])
  await app.waitFor(/"ready"/)
  app.signal('SIGTERM')
  expect((await app.exited).code).toBe(1)
  expect(messages(app)).toContain('shutdown took too long')
})

test('a second signal ends it at once', async () => {
  const app = fixture('stopping', ['hangs', '20000'])
  await app.waitFor(/"ready"/)
  app.signal('SIGTERM')
  await app.waitFor(/first ran/)
  await sleep(1100)
  app.signal('SIGTERM')
  expect((await app.exited).code).toBe(1)
  expect(messages(app)).not.toContain('shutdown took too long')
})

test('the same signal twice, as npm and the process group send it, is one', async () => {
  const app = fixture('stopping', ['slow'])
  await app.waitFor(/"ready"/)
  app.signal('SIGTERM')
  await app.waitFor(/first ran/)
  app.signal('SIGTERM')
  expect((await app.exited).code).toBe(0)
  expect(messages(app)).toContain('third ran')
})

test('a process that gives up by itself runs the steps and ends with 1', async () => {
  const app = fixture('stopping', ['fails'])
  expect((await app.exited).code).toBe(1)
  expect(messages(app)).toEqual(['ready', 'stopping because of an error', 'first ran', 'third ran', 'stopped'])
})

test('wrong variables end a process with 78 and one line each', async () => {
  const app = fixture('misconfigured', [], { PORT: 'x' })
  expect((await app.exited).code).toBe(78)
  expect(app.lines).toEqual([
    'PORT: found "x", allowed: a whole number from 0 to 65535 (a port, 0 for a free one)',
    'TOKEN: found nothing, allowed: a token',
  ])
})
