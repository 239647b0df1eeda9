// `npm run deadcode`: files nothing leads to, exported values nobody takes, dependencies nobody imports.
//
// Exported types are not asked for: they belong to the signatures of the values beside them.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { readSource, resolveImport, type Source } from './source-map.ts'

/** Where things begin, besides the files that scripts, images and configurations name. */
const ENTRIES = [
  /^(packages|apps|infra)\/.*\.test\.ts$/,
  /\/test\/fixtures\//,
  /^apps\/[^/]+\/src\/main\.ts$/,
  /^vitest\.config\.ts$/,
  /\.d\.mts$/,
]

/** Kinds of files that start others by their path. */
const NAMING = /(^|\/)(Dockerfile[^/]*|package\.json|\.oxlintrc\.json|run|[^/]+\.(ya?ml|sh))$/

/** Root tools that are started by name, in scripts and configuration. */
const ROOT_TOOLS = new Set([
  '@types/node',
  '@vitest/coverage-v8',
  'oxfmt',
  'oxlint',
  'oxlint-tsgolint',
  'turbo',
  'typescript',
  'vitest',
  'fast-check',
])

interface Manifest {
  readonly name: string
  readonly exports?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '' && existsSync(path))
const sources = new Map<string, Source>(
  tracked
    .filter((path) => /\.(ts|mts|mjs)$/.test(path))
    .map((path) => [path, readSource(path, readFileSync(path, 'utf8'))]),
)
const manifests = new Map<string, Manifest>(
  tracked
    .filter((path) => /(^|\/)package\.json$/.test(path))
    .map((path) => [path.replace(/\/?package\.json$/, ''), JSON.parse(readFileSync(path, 'utf8')) as Manifest]),
)
const entries = new Map<string, string>(
  [...manifests].flatMap(([folder, { name, exports = {} }]) =>
    Object.entries(exports).map(
      ([key, file]) => [key === '.' ? name : `${name}/${key.slice(2)}`, normalize(join(folder, file))] as const,
    ),
  ),
)

const problems = [...deadFiles(), ...deadExports(), ...deadDependencies()]
for (const problem of problems) console.log(problem)
console.log(problems.length === 0 ? `No dead code in ${sources.size} files.` : `${problems.length} found.`)
process.exitCode = problems.length === 0 ? 0 : 1

function target(from: string, importer: string): string | null {
  const resolved = resolveImport(from, importer, entries)
  if (resolved !== null && sources.has(resolved)) return resolved
  // A path in a text may be written from the root, from the importer's folder or from that of its package.
  const folders = ['', importer.replace(/\/[^/]*$/, ''), packageOf(importer), `${packageOf(importer)}/src`]
  return folders.map((folder) => normalize(join(folder, from))).find((path) => sources.has(path)) ?? null
}

function packageOf(path: string): string {
  return (
    [...manifests.keys()]
      .filter((folder) => path.startsWith(`${folder}/`))
      .toSorted((a, b) => b.length - a.length)[0] ?? ''
  )
}

function deadFiles(): string[] {
  const begun = [...sources.keys()].filter((path) => ENTRIES.some((pattern) => pattern.test(path)))
  for (const path of tracked.filter((name) => !sources.has(name) && NAMING.test(name))) {
    for (const [named] of readFileSync(path, 'utf8').matchAll(/[\w./-]+\.(ts|mjs)\b/g)) {
      const found = target(named, path)
      if (found !== null) begun.push(found)
    }
  }
  const reached = new Set<string>()
  while (begun.length > 0) {
    const path = begun.pop()
    const source = path === undefined ? undefined : sources.get(path)
    if (path === undefined || source === undefined || reached.has(path)) continue
    reached.add(path)
    for (const from of [...source.imports.map((taken) => taken.from), ...source.passesOn]) {
      const next = target(from, path)
      if (next !== null) begun.push(next)
    }
  }
  return [...sources.keys()].filter((path) => !reached.has(path)).map((path) => `${path}: nothing leads to this file`)
}

function deadExports(): string[] {
  const taken = new Set<string>()
  for (const [importer, { imports }] of sources) {
    for (const { from, names } of imports) {
      const path = target(from, importer)
      if (path !== null) for (const name of names) take(path, name, taken)
    }
  }
  return [...sources.values()].flatMap(({ path, exports }) =>
    /\.(config|test)\.ts$|\.d\.mts$|^infra\/lint\//.test(path) || taken.has(`${path}#*`)
      ? []
      : exports
          .filter((name) => !taken.has(`${path}#${name}`))
          .map((name) => `${path}: nobody takes the export ${name}`),
  )
}

/** Marks a name as taken, in the file it is asked of and in those that file passes on. */
function take(path: string, name: string, taken: Set<string>): void {
  const key = `${path}#${name}`
  if (taken.has(key)) return
  taken.add(key)
  for (const from of sources.get(path)?.passesOn ?? []) {
    const next = target(from, path)
    if (next !== null) take(next, name, taken)
  }
}

function deadDependencies(): string[] {
  return [...manifests].flatMap(([folder, { dependencies = {}, devDependencies = {} }]) => {
    const own = [...sources.values()].filter(({ path }) => packageOf(path) === folder)
    const imported = new Set(
      own.flatMap(({ imports }) =>
        imports.map(({ from }) =>
          from
            .split('/')
            .slice(0, from.startsWith('@') ? 2 : 1)
            .join('/'),
        ),
      ),
    )
    return Object.keys({ ...dependencies, ...devDependencies })
      .filter((name) => !imported.has(name) && !(folder === '' && ROOT_TOOLS.has(name)))
      .map((name) => `${folder || '.'}/package.json: nobody imports ${name}`)
  })
}
