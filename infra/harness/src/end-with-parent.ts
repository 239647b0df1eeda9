import { existsSync } from 'node:fs'

const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))

export interface Command {
  readonly file: string
  readonly args: string[]
  /** What the child's stdin must be for it to notice the parent's death. */
  readonly stdin: 'pipe' | 'ignore'
}

/**
 * The command that ends when its parent ends, even by SIGKILL, with the same process id as the program itself.
 *
 * On Linux by the parent-death signal. Elsewhere (no setpriv) the program is started through Node with a preload that
 * watches stdin: Node has no parent-death signal of its own.
 */
export function endWithParent(command: readonly string[]): Command {
  const [file, ...args] = command
  if (file === undefined) throw new Error('endWithParent wants a command')
  if (SETPRIV) return { file: SETPRIV, args: ['--pdeathsig', 'KILL', file, ...args], stdin: 'ignore' }
  return { file, args: ['--import', WATCH_STDIN, ...args], stdin: 'pipe' }
}

const WATCH_STDIN = `data:text/javascript,${encodeURIComponent("process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume(); process.stdin.unref?.()")}`
