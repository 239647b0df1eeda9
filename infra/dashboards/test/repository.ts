import { readFile, readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { parse } from 'yaml'

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export const read = (path: string): Promise<string> => readFile(join(ROOT, path), 'utf8')

/** YAML with `<<:` merges, as Compose has them. The caller says what shape it takes it for. */
export async function readYaml<Shape>(path: string): Promise<Shape> {
  return parse(await read(path), { merge: true }) as Shape
}

/** The sources of a package, tests left out, as one text. */
export async function sourcesOf(folder: string): Promise<string> {
  const names = await readdir(join(ROOT, folder, 'src'), { recursive: true })
  const sources = names.filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  return (await Promise.all(sources.map((name) => read(join(folder, 'src', name))))).join('\n')
}

export type AlertRule = {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}
export type RecordingRule = { readonly record: string; readonly expr: string }
type RuleFile = { readonly groups: readonly { readonly rules: readonly (AlertRule | RecordingRule)[] }[] }

const RULES = 'infra/prometheus/rules'

/** All rules that Prometheus loads. */
export async function readRules(): Promise<{
  readonly alerts: readonly AlertRule[]
  readonly recordings: ReadonlyMap<string, string>
}> {
  const names = (await readdir(join(ROOT, RULES))).filter((name) => name.endsWith('.yml'))
  const files = await Promise.all(names.map((name) => readYaml<RuleFile>(`${RULES}/${name}`)))
  const rules = files.flatMap(({ groups }) => groups.flatMap((group) => group.rules))
  return {
    alerts: rules.filter((rule) => 'alert' in rule),
    recordings: new Map(rules.flatMap((rule) => ('record' in rule ? [[rule.record, rule.expr] as const] : []))),
  }
}
