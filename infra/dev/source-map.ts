import { dirname, join, normalize } from 'node:path'

/** What a file of ours takes from others and offers to them; read off the text, as the formatter leaves it. */
export interface Source {
  readonly path: string
  readonly imports: readonly Import[]
  /** Values it offers; types are left out, see deadcode.ts. */
  readonly exports: readonly string[]
  /** `export * from`: targets whose exports are its own, too. */
  readonly passesOn: readonly string[]
}

export interface Import {
  /** As written: `./x.ts`, `@chasqui/store`, `node:fs`. */
  readonly from: string
  /** Names at their origin; `*` takes all of them. */
  readonly names: readonly string[]
}

const IMPORT = /^(?:import|export)\s+(?:type\s+)?([^'";]*?)\s+from\s+'([^']+)'/gm
const IMPORT_FOR_EFFECT = /^import\s+'([^']+)'/gm
const IMPORT_LATER = /\bimport\(\s*'([^']+)'/g
/** A file started or read by its place: `new URL('./worker.ts', import.meta.url)`, `'fixtures/talker.ts'`. */
const PATH_IN_TEXT = /['"`]([\w./${}-]+\.(?:ts|mjs))['"`]/g
const DECLARED = /^export\s+(?:async\s+)?(?:const|let|function\*?|class)\s+(\w+)/gm
const EXPORT_LIST = /^export\s+\{([^}]*)\}/gm
const PASSED_ON = /^export\s+\*\s+from\s+'([^']+)'/gm

/** Reads one file's imports and exports. */
export function readSource(path: string, text: string): Source {
  const imports: Import[] = []
  for (const [, clause = '', from = ''] of text.matchAll(IMPORT)) imports.push({ from, names: namesOf(clause) })
  for (const pattern of [IMPORT_FOR_EFFECT, IMPORT_LATER, PATH_IN_TEXT]) {
    for (const [, from = ''] of text.matchAll(pattern)) imports.push({ from, names: ['*'] })
  }
  const exports = [...text.matchAll(DECLARED)].map(([, name = '']) => name)
  for (const [, list = ''] of text.matchAll(EXPORT_LIST)) exports.push(...listed(list).map(({ outside }) => outside))
  if (/^export default\b/m.test(text)) exports.push('default')
  return { path, imports, exports, passesOn: [...text.matchAll(PASSED_ON)].map(([, from = '']) => from) }
}

function namesOf(clause: string): readonly string[] {
  if (clause.includes('*')) return ['*']
  const braces = /\{([^}]*)\}/.exec(clause)
  const names = braces ? listed(braces[1] ?? '', true).map(({ inside }) => inside) : []
  const first = /^\s*(\w+)/.exec(clause)?.[1]
  return first === undefined ? names : ['default', ...names]
}

/** `a, type B, c as d` with the name at the origin and the name given to it. */
function listed(list: string, withTypes = false): { inside: string; outside: string }[] {
  return list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '' && (withTypes || !item.startsWith('type ')))
    .map((item) => {
      const [inside = '', outside = inside] = item.replace(/^type\s+/, '').split(/\s+as\s+/)
      return { inside, outside }
    })
}

/** The path a relative import means, or the entry file of one of our packages; null for everything else. */
export function resolveImport(from: string, importer: string, entries: ReadonlyMap<string, string>): string | null {
  if (from.startsWith('.')) return normalize(join(dirname(importer), from))
  return entries.get(from) ?? null
}
