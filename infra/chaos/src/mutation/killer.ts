import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** A command of Node's, from the root of the tree, that must fail where a guard is missing. */
export type Killer = {
  readonly name: string
  readonly args: readonly string[]
  /** What failed, from what it printed or wrote. */
  readonly read: (stdout: string, tree: string) => Promise<string | null>
}

export type Verdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly what: string }
  /** It ended badly and named nothing that failed: that shows nothing about the guard. */
  | { readonly kind: 'broke' }

const REPORT = 'failed.json'
const PATIENCE_MS = 900_000

/** @param only a pattern of the names of tests; absent: all of the file. */
export function test(file: string, only?: string): Killer {
  return {
    name: file.split('/').at(-1) ?? file,
    args: [
      'node_modules/vitest/vitest.mjs',
      'run',
      file,
      '--reporter=json',
      `--outputFile=${REPORT}`,
      '--bail=1',
      ...(only === undefined ? [] : ['-t', only]),
    ],
    read: firstFailedTest,
  }
}

export const LEDGER = test('packages/store/test/ledger.test.ts')

export const SIMULATION: Killer = {
  name: 'simulation',
  args: ['infra/chaos/src/main.ts', '--short', '--only', 'simulation'],
  read: firstViolation,
}

/** For guards that few histories need: all hundred thousand of them, some minutes. */
export const LONG_SIMULATION: Killer = {
  name: 'simulation, long',
  args: ['infra/chaos/src/main.ts', '--only', 'simulation'],
  read: firstViolation,
}

export async function runKiller(tree: string, { args, read }: Killer): Promise<Verdict> {
  await rm(join(tree, REPORT), { force: true })
  const printed = await new Promise<string | null>((resolve) => {
    execFile(process.execPath, args, { cwd: tree, timeout: PATIENCE_MS, maxBuffer: 1 << 26 }, (error, stdout) => {
      resolve(error === null ? null : stdout)
    })
  })
  if (printed === null) return { kind: 'passed' }
  const what = await read(printed, tree).catch(() => null)
  return what === null ? { kind: 'broke' } : { kind: 'failed', what }
}

type TestReport = {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly title: string }[]
  }[]
}

async function firstFailedTest(_stdout: string, tree: string): Promise<string | null> {
  const { testResults } = JSON.parse(await readFile(join(tree, REPORT), 'utf8')) as TestReport
  const all = testResults.flatMap(({ assertionResults }) => assertionResults)
  return all.find(({ status }) => status === 'failed')?.title ?? null
}

async function firstViolation(stdout: string): Promise<string | null> {
  const line = stdout.split('\n').find((text) => text.startsWith('{'))
  if (line === undefined) return null
  return (JSON.parse(line) as { readonly violations: readonly string[] }).violations[0] ?? null
}
