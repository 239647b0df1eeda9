import { existsSync, readFileSync } from 'node:fs'

/** Whether the process runs. In a container without an init nobody reaps an orphan: a zombie has ended all the same. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const stat = `/proc/${pid}/stat`
  return !existsSync(stat) || !/ Z /.test(readFileSync(stat, 'utf8'))
}
