import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'
import { endWithParent } from './end-with-parent.ts'

/** How a process ended: an exit code or a signal. */
export interface AppExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A line of pino, or `{ msg, raw: true }` for a line that is not JSON (a stack trace, a warning). */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: unknown }

export interface App {
  readonly name: string
  readonly pid: number
  /** Everything the process printed so far, stdout and stderr, oldest first; the last 20,000 lines are kept. */
  readonly lines: readonly string[]
  /** The first line, printed already or to come, that matches. Rejects when the process ends before it, or after `timeoutMs`. */
  waitFor(pattern: RegExp, timeoutMs?: number): Promise<string>
  /** The `ready` line's fields (`port`, `metricsPort`); rejects with what was printed when the app does not come up. */
  ready(timeoutMs?: number): Promise<{ readonly port: number; readonly metricsPort: number } & LogLine>
  /** Sends a signal; does nothing when the process has ended. */
  signal(signal: NodeJS.Signals): void
  /** SIGTERM, and SIGKILL after `graceMs`. Resolves when the process has ended. */
  stop(graceMs?: number): Promise<AppExit>
  readonly exited: Promise<AppExit>
}

export interface SpawnAppOptions {
  /** A folder of apps/: `producer`. Or `script` with any other program of ours. */
  readonly name: string
  /** A path to run instead of apps/<name>/src/main.ts. */
  readonly script?: string
  readonly args?: readonly string[]
  /** Added to a bare environment (PATH, HOME, NODE_OPTIONS …): what the developer's shell has set for Chasqui does not leak in. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

const KEPT_LINES = 20_000
const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url))
const INHERITED = [
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'NODE_OPTIONS',
  'NODE_EXTRA_CA_CERTS',
  'XDG_CACHE_HOME',
]

/**
 * Runs an app as in production: its own Node process, configured by its environment alone.
 *
 * It ends with this process, however that ends.
 */
export function spawnApp({ name, script = `apps/${name}/src/main.ts`, args = [], env = {} }: SpawnAppOptions): App {
  const command = endWithParent([process.execPath, script, ...args])
  const child = spawn(command.file, command.args, {
    cwd: REPOSITORY,
    env: { ...inherited(), ...env },
    stdio: [command.stdin, 'pipe', 'pipe'],
  })
  return watch(name, child)
}

function inherited(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    INHERITED.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]])),
  )
}

function watch(name: string, child: ChildProcess): App {
  const lines: string[] = []
  const listeners = new Set<(line: string) => void>()
  const read = (line: string): void => {
    if (lines.push(line) > KEPT_LINES) lines.shift()
    for (const listener of listeners) listener(line)
  }
  for (const stream of [child.stdout, child.stderr]) if (stream) createInterface({ input: stream }).on('line', read)

  // 'close' comes after the last line; 'exit' may come before it.
  const exited = new Promise<AppExit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
    child.once('error', (error) => {
      read(error.message)
      resolve({ code: null, signal: null })
    })
  })
  const described = (): string => lines.slice(-20).join('\n')

  const waitFor = async (pattern: RegExp, timeoutMs = 20_000): Promise<string> => {
    const seen = lines.find((line) => pattern.test(line))
    if (seen !== undefined) return seen
    const found = Promise.withResolvers<string>()
    const listener = (line: string): void => {
      if (pattern.test(line)) found.resolve(line)
    }
    listeners.add(listener)
    const timer = setTimeout(
      () => found.reject(new Error(`${name} printed nothing like ${pattern} in ${timeoutMs} ms:\n${described()}`)),
      timeoutMs,
    )
    void exited.then(({ code, signal }) =>
      found.reject(new Error(`${name} ended (${signal ?? code}) before ${pattern}:\n${described()}`)),
    )
    try {
      return await found.promise
    } finally {
      clearTimeout(timer)
      listeners.delete(listener)
    }
  }

  const signal = (which: NodeJS.Signals): void => {
    if (child.exitCode === null && child.signalCode === null) child.kill(which)
  }

  return {
    name,
    pid: child.pid ?? 0,
    lines,
    waitFor,
    async ready(timeoutMs) {
      return JSON.parse(await waitFor(/"msg":"ready"/, timeoutMs)) as Awaited<ReturnType<App['ready']>>
    },
    signal,
    async stop(graceMs = 15_000) {
      signal('SIGTERM')
      const timer = setTimeout(() => signal('SIGKILL'), graceMs)
      try {
        return await exited
      } finally {
        clearTimeout(timer)
      }
    },
    exited,
  }
}
