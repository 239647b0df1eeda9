import { spawnApp } from '@chasqui/harness'
import type { App } from '@chasqui/harness'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')
const run = promisify(execFile)
/** Ports of this test's stack: those of the README and 20,000 more, so that a stack on this machine is left alone. */
const SHIFT = 20_000

let stack: App | null = null
let folder = ''
afterEach(async () => {
  await stack?.stop()
  await rm(folder, { recursive: true, force: true })
})

async function block(name: string): Promise<string> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const found = new RegExp(`<!-- readme-test: ${name} -->\\n\`\`\`sh\\n(.*?)\`\`\``, 's').exec(readme)?.[1]
  if (found === undefined) throw new Error(`the README has no block ${name}`)
  return found.replace(/127\.0\.0\.1:(\d{4})/g, (_, port: string) => `127.0.0.1:${Number(port) + SHIFT}`)
}

/** The variables that a block exports. */
function exported(script: string): Record<string, string> {
  return Object.fromEntries(
    [...script.matchAll(/(?:export | )([A-Z_]+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]),
  )
}

test("the README's first campaign does what it says", async () => {
  const [start, campaign] = await Promise.all([block('start'), block('campaign')])
  folder = await mkdtemp(join(tmpdir(), 'chasqui-readme-'))
  const sendersFile = join(folder, 'senders.json')
  const [, example = ''] = /^cp (\S+) senders\.json$/m.exec(start) ?? []
  await cp(join(ROOT, example), sendersFile)
  expect(start).toMatch(/^npm start -- --simulator$/m)
  stack = spawnApp({
    name: 'start',
    script: join(ROOT, 'infra/dev/start.ts'),
    args: ['--simulator'],
    env: {
      ...exported(start),
      SENDERS_FILE: sendersFile,
      CHASQUI_REDIS_DIR: join(folder, 'redis'),
      PORT: String(3000 + SHIFT),
      METRICS_PORT: '0',
    },
  })
  const app = stack
  await Promise.all(
    ['producer', 'send-worker', 'status-worker', 'simulator'].map(
      async (name) => await app.waitFor(new RegExp(`"name":"${name}".*"msg":"ready"`), 60_000),
    ),
  )

  const { stdout } = await run('bash', ['-euc', `${campaign}\necho; echo "id=$id"`])
  const [upload = '', , ...rest] = stdout.split(/(?<=\})\s*(?=\{)/)
  expect(JSON.parse(upload)).toMatchObject({ duplicates: 1 })
  const id = /id=(\S+)/.exec(rest.join('') || stdout)?.[1] ?? ''
  await expect
    .poll(async () => await (await fetch(`http://127.0.0.1:${3000 + SHIFT}/v1/campaigns/${id}`)).json(), {
      timeout: 30_000,
    })
    .toMatchObject({ status: 'completed', counts: { recipients: 2, accepted: 2 }, delivery: { sent: 2 } })
}, 120_000)
