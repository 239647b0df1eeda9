import { execFile } from 'node:child_process'

/** A command of Node's, from the root of the tree, that must fail where a guard is missing. */
export type Killer = {
  readonly name: string
  readonly args: readonly string[]
  /** What failed, from what it printed. */
  readonly read: (stdout: string) => string | null
}

export type Verdict = { readonly kind: 'passed' } | { readonly kind: 'failed'; readonly what: string }

const PATIENCE_MS = 300_000

/** @param only a pattern of the names of tests; absent: all of the file. */
export function test(file: string, only?: string): Killer {
  return {
    name: file.split('/').at(-1) ?? file,
    args: [
      'node_modules/vitest/vitest.mjs',
      'run',
      file,
      '--reporter=json',
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

export async function runKiller(tree: string, { args, read }: Killer): Promise<Verdict> {
  return await new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: tree, timeout: PATIENCE_MS, maxBuffer: 1 << 26 }, (error, stdout) => {
      if (error === null) resolve({ kind: 'passed' })
      else resolve({ kind: 'failed', what: read(stdout) ?? 'it broke off' })
    })
  })
}

type TestReport = {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly title: string }[]
  }[]
}

function firstFailedTest(stdout: string): string | null {
  const begin = stdout.indexOf('{')
  if (begin < 0) return null
  const { testResults } = JSON.parse(stdout.slice(begin)) as TestReport
  const all = testResults.flatMap(({ assertionResults }) => assertionResults)
  return all.find(({ status }) => status === 'failed')?.title ?? null
}

function firstViolation(stdout: string): string | null {
  const line = stdout.split('\n').find((text) => text.startsWith('{'))
  if (line === undefined) return null
  return (JSON.parse(line) as { readonly violations: readonly string[] }).violations[0] ?? null
}
