import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { defaultConfig } from '../src/config.ts'
import { variables } from '../src/environment.ts'
import { LOST_KINDS } from '../src/lost.ts'
import { PRESET_NAMES } from '../src/preset.ts'
import { startSimulator } from './bench.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

/** The first cells of the table rows that begin with a code span. */
const rows = [...readme.matchAll(/^\| `([^`]+)`/gm)].map(([, cell]) => cell)

test('the README lists every variable and no other', () => {
  expect(new Set(rows.filter((cell) => /^[A-Z_]+$/.test(cell ?? '')))).toEqual(new Set(Object.keys(variables)))
})

test('the README lists every route and no other', async () => {
  const { control } = await startSimulator()
  const { routes } = (await control('GET', '/')).body as { routes: Record<string, string> }
  expect(new Set(rows.filter((cell) => cell?.includes('/_simulator')))).toEqual(new Set(Object.keys(routes)))
})

test('the README names every preset, every way of losing an answer and every part of the configuration', () => {
  expect(rows).toEqual(expect.arrayContaining([...PRESET_NAMES]))
  for (const word of [...LOST_KINDS, ...Object.keys(defaultConfig())]) expect(readme).toContain(`\`${word}\``)
})
