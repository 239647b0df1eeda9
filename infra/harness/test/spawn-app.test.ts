import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { spawnApp, type App } from '../src/index.ts'
import { isAlive } from './is-alive.ts'

const apps: App[] = []
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.stop(100)))
})

function talker(args: string[] = [], env: Record<string, string> = {}): App {
  const app = spawnApp({ name: 'talker', script: join(import.meta.dirname, 'fixtures/talker.ts'), args, env })
  apps.push(app)
  return app
}

test('ready tells the ports and the environment is what was given', async () => {
  process.env['LEAKED'] = 'from the shell'
  try {
    expect(await talker([], { GREETING: 'hola' }).ready()).toEqual({
      msg: 'ready',
      port: 1,
      metricsPort: 2,
      greeting: 'hola',
    })
  } finally {
    delete process.env['LEAKED']
  }
})

test('an app that ends at its start rejects ready with what it printed', async () => {
  await expect(talker(['--fail']).ready()).rejects.toThrow(/talker ended \(3\).*\nno way/s)
})

test('waitFor finds what was printed before it was asked', async () => {
  const app = talker()
  await app.ready()
  expect(await app.waitFor(/"port":1/)).toContain('ready')
})

test('waitFor gives up after its time', async () => {
  await expect(talker().waitFor(/never/, 300)).rejects.toThrow(/printed nothing like/)
})

test('stop asks first', async () => {
  const app = talker()
  await app.ready()
  expect(await app.stop()).toEqual({ code: 0, signal: null })
  expect(app.lines.at(-1)).toBe('asked to stop')
})

test('stop kills what does not listen', async () => {
  const app = talker(['--stubborn'])
  await app.ready()
  expect(await app.stop(200)).toEqual({ code: null, signal: 'SIGKILL' })
})

test('an app does not outlive a parent that is killed', async () => {
  const parent = spawnApp({ name: 'parent', script: join(import.meta.dirname, 'fixtures/tree.ts') })
  apps.push(parent)
  const pid = Number(/child (\d+)/.exec(await parent.waitFor(/child \d+/))?.[1])
  expect(isAlive(pid)).toBe(true)
  parent.signal('SIGKILL')
  await parent.exited
  await expect.poll(() => isAlive(pid)).toBe(false)
})
