import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const repository = join(import.meta.dirname, '../../..')
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chasqui-lint-'))
  const rules = { 'pure-core/no-platform': 'error', 'pure-core/no-clock-or-chance': 'error' }
  const config = {
    categories: { correctness: 'off' },
    jsPlugins: [join(repository, 'infra/lint/pure-core.mjs')],
    rules,
  }
  await writeFile(join(folder, '.oxlintrc.json'), JSON.stringify(config))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** What the linter says of a file of packages/<name>. */
async function lint(name: 'campaign' | 'delivery', source: string): Promise<string[]> {
  const file = join(folder, 'packages', name, 'src', `${Math.random().toString(36).slice(2)}.ts`)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, source)
  const oxlint = join(repository, 'node_modules/.bin/oxlint')
  const said = await new Promise<string>((resolve) => {
    execFile(
      process.execPath,
      [oxlint, '-c', join(folder, '.oxlintrc.json'), '-f', 'json', file],
      { cwd: folder },
      (_error, stdout) => resolve(stdout),
    )
  })
  const { diagnostics } = JSON.parse(said) as { diagnostics: { message: string }[] }
  return diagnostics.map(({ message }) => message)
}

test.each([
  "import { readFileSync } from 'node:fs'",
  "import { Redis } from 'ioredis'",
  "export * from '@chasqui/store'",
  "await import('undici')",
])('core may not say: %s', async (source) => {
  const [message, ...more] = await lint('campaign', `${source}\nexport const x = 1\n`)
  expect(message).toContain('A core package imports nothing of the platform and nothing of ours')
  expect(more).toEqual([])
})

test('campaign may use zod, delivery nothing at all', async () => {
  const source = "import { z } from 'zod'\nexport const schema = z.string()\n"
  expect(await lint('campaign', source)).toEqual([])
  expect(await lint('delivery', source)).toHaveLength(1)
})

test.each(['Date.now()', 'Math.random()', 'new Date()', 'Date()', "Math['random']()", '[1].map(Math.random)'])(
  'core may not ask: %s',
  async (expression) => {
    const [message, ...more] = await lint('delivery', `export const x = ${expression}\n`)
    expect(message).toContain('Take it as an argument')
    expect(more).toEqual([])
  },
)

test('what is computed from arguments is pure', async () => {
  const source =
    "import { other } from './other.ts'\nexport const year = (now: number): number => new Date(now).getUTCFullYear() + Date.UTC(2026, 0) + Math.max(1, other)\n"
  expect(await lint('delivery', source)).toEqual([])
})
