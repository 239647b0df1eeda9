import { readFile } from 'node:fs/promises'

/** What the kernel knows of a process. */
export type ProcessUse = {
  /** The most memory it has had resident since it started, bytes; a peak between two samples cannot be missed. */
  readonly peakBytes: number
  /** CPU it has used since it started, all threads, seconds. */
  readonly cpuSeconds: number
}

/** Linux counts CPU in hundredths of a second, whatever the kernel's own tick (USER_HZ). */
const TICKS_PER_SECOND = 100

/** `null` where there is no /proc (macOS). */
export async function readProcessUse(pid: number): Promise<ProcessUse | null> {
  try {
    const [status, stat] = await Promise.all([
      readFile(`/proc/${pid}/status`, 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ])
    return { peakBytes: parsePeak(status), cpuSeconds: parseCpu(stat) }
  } catch {
    return null
  }
}

export function parsePeak(status: string): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}

/** proc(5): after the name in parentheses, which may hold anything, utime and stime are the 12th and 13th fields. */
export function parseCpu(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
