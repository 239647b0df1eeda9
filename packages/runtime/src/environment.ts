import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import type { Variable } from './variables.ts'

/** What `process.env` is; only an app's main.ts touches that one. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The typed object a schema of variables describes. */
export type Values<S extends Readonly<Record<string, Variable<unknown>>>> = {
  readonly [K in keyof S]: z.output<S[K]['schema']>
}

/** One or more variables are wrong or missing: the process must not start. */
export class EnvironmentError extends Error {
  readonly code = 'CHASQUI_ENVIRONMENT'
  /** One line each: name, what was found, what is allowed. Secrets are not in it. */
  readonly issues: readonly string[]

  constructor(issues: readonly string[], options?: ErrorOptions) {
    super(issues.join('\n'), options)
    this.name = 'EnvironmentError'
    this.issues = issues
  }
}

/**
 * Reads variables; every wrong one is reported, not only the first.
 *
 * `NAME_FILE` (a path) may stand in place of any `NAME`, as Docker and Kubernetes hand out secrets; one trailing newline is
 * dropped. An empty value counts as none, because compose files pass on unset variables as empty ones.
 *
 * @throws EnvironmentError
 */
export function readEnvironment<const S extends Readonly<Record<string, Variable<unknown>>>>(
  schema: S,
  env: Environment,
): Values<S> {
  const issues: string[] = []
  const values: Record<string, unknown> = {}
  for (const [name, variable] of Object.entries(schema)) {
    const found = lookUp(name, env)
    if ('issue' in found) {
      issues.push(found.issue)
      continue
    }
    const parsed = variable.schema.safeParse(found.value)
    if (parsed.success) values[name] = parsed.data
    else if (variable.explains === true) issues.push(...parsed.error.issues.map(({ message }) => `${name}: ${message}`))
    else issues.push(`${name}: found ${shown(found.value, variable.secret === true)}, allowed: ${variable.describe}`)
  }
  if (issues.length > 0) throw new EnvironmentError(issues)
  return values as Values<S>
}

type Found = { readonly value: string | undefined } | { readonly issue: string }

/** A variable's text, wherever it is kept; the issue when it cannot be told. */
export function lookUp(name: string, env: Environment): Found {
  const direct = env[name] || undefined
  const path = env[`${name}_FILE`] || undefined
  if (path === undefined) return { value: direct }
  if (direct !== undefined) return { issue: `${name}: found both ${name} and ${name}_FILE, allowed: one of the two` }
  try {
    return { value: readFileSync(path, 'utf8').replace(/\r?\n$/, '') || undefined }
  } catch (error) {
    return {
      issue: `${name}_FILE: found ${JSON.stringify(path)} (${errorCode(error)}), allowed: a file this process can read`,
    }
  }
}

function shown(value: string | undefined, secret: boolean): string {
  if (value === undefined) return 'nothing'
  if (secret) return `a value of ${value.length} characters (not shown)`
  return JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}…` : value)
}

export const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'

/** sysexits.h: "something was found in an unconfigured or misconfigured state". */
const EX_CONFIG = 78

/** Ends the process with one line on stderr for each issue; anything but an EnvironmentError is thrown on. */
export function exitOnEnvironmentError(error: unknown): never {
  if (!(error instanceof EnvironmentError)) throw error
  process.stderr.write(`${error.issues.join('\n')}\n`)
  process.exit(EX_CONFIG)
}
