import { spawnApp } from '@chasqui/harness'
import { expect, onTestFinished, test } from 'vitest'
import { benchOf, NUMBER } from './bench.ts'

function start(env: Readonly<Record<string, string>>): ReturnType<typeof spawnApp> {
  const app = spawnApp({ name: 'simulator', env: { PORT: '0', ...env } })
  onTestFinished(async () => {
    await app.stop()
  })
  return app
}

test('the process says where it serves, behaves as its environment tells it and ends on SIGTERM', async () => {
  const app = start({
    SIMULATOR_SCENARIO: 'demo',
    SIMULATOR_SEED: '7',
    SIMULATOR_NUMBERS: `${NUMBER}:500:102290129340398`,
    SIMULATOR_TOKENS: 'simulator-token, other',
    SIMULATOR_CONFIG: '{"answers":{"lostShare":0,"rejectedShare":0,"stumbleShare":0}}',
  })
  const { port } = await app.ready()
  const { control, send, summary } = benchOf(`http://127.0.0.1:${port}`)
  expect((await control('GET', '/config')).body).toMatchObject({
    seed: 7,
    tokens: ['simulator-token', 'other'],
    otherNumbers: null,
    numbers: { [NUMBER]: { perSecond: 500 } },
    answers: { lostShare: 0, latencyP50Ms: 30 },
    delivery: { failedShare: 0.03 },
  })
  expect(await send(5_511_912_345_678)).toMatchObject({ status: 200 })
  expect((await summary()).requests.processed).toBe(1)
  app.signal('SIGTERM')
  expect(await app.exited).toEqual({ code: 0, signal: null })
  expect(app.lines.join('\n')).not.toContain('5511912345678')
})

test('wrong variables stop it at once, a line for each', async () => {
  const app = start({
    SIMULATOR_SCENARIO: 'hurricane',
    SIMULATOR_NUMBERS: 'mine:80',
    SIMULATOR_TOKENS: ',',
    SIMULATOR_WEBHOOK_URL: 'ftp://x',
  })
  expect((await app.exited).code).toBe(78)
  expect(app.lines.map((line) => line.slice(0, line.indexOf(':')))).toEqual([
    'SIMULATOR_SCENARIO',
    'SIMULATOR_TOKENS',
    'SIMULATOR_NUMBERS',
    'SIMULATOR_WEBHOOK_URL',
  ])
  expect(app.lines[0]).toBe('SIMULATOR_SCENARIO: found "hurricane", allowed: calm, demo, storm')
})

test('a wrong SIMULATOR_CONFIG is explained by its path', async () => {
  const app = start({ SIMULATOR_CONFIG: '{"answers":{"lostShare":7}}' })
  expect((await app.exited).code).toBe(78)
  expect(app.lines[0]).toMatch(/^SIMULATOR_CONFIG: found answers\.lostShare = 7, allowed: /)
})
