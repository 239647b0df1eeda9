import { existsSync } from 'node:fs'

const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))

export interface Command {
  readonly file: string
  readonly args: string[]
  /** What the child's stdin must be for it to notice the parent's death. */
  readonly stdin: 'pipe' | 'ignore'
}

/**
 * The Node command (`node`, script, arguments) that gets `signal` when its parent ends, even by SIGKILL; its process id is the program's own.
 *
 * On Linux by the parent-death signal. Elsewhere (no setpriv) the program is started through Node with a preload that
 * watches stdin: Node has no parent-death signal of its own.
 */
export function endWithParent(command: readonly string[], signal: 'KILL' | 'TERM' = 'KILL'): Command {
  const [file, ...args] = command
  if (file === undefined) throw new Error('endWithParent wants a command')
  if (SETPRIV) return { file: SETPRIV, args: ['--pdeathsig', signal, file, ...args], stdin: 'ignore' }
  return { file, args: ['--import', watchStdin(signal), ...args], stdin: 'pipe' }
}

function watchStdin(signal: string): string {
  const source = `process.stdin.on('end', () => process.kill(process.pid, 'SIG${signal}')).resume(); process.stdin.unref?.()`
  return `data:text/javascript,${encodeURIComponent(source)}`
}
