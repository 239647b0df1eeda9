import { readFile } from 'node:fs/promises'

const KB = /^VmHWM:\s+(\d+) kB$/m

/**
 * The most memory a process has had resident since it started, in bytes, as the kernel kept it; a peak between two samples
 * cannot be missed. `null` where there is no /proc (macOS).
 */
export async function peakResidentBytes(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => null)
  const kilobytes = status === null ? undefined : KB.exec(status)?.[1]
  return kilobytes === undefined ? null : Number(kilobytes) * 1024
}
