import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CpuProfile, topSelfTimes } from './self-time.ts'

const MOST = 20

/**
 * Gives the work a folder for CPU profiles and prints what each profiled process spent its time on. Without `wanted` the
 * work is given `null` and nothing is printed.
 */
export async function withProfiles<T>(
  wanted: boolean,
  say: (line: string) => void,
  work: (profileDir: string | null) => Promise<T>,
): Promise<T> {
  if (!wanted) return work(null)
  const dir = await mkdtemp(join(tmpdir(), 'chasqui-profile-'))
  try {
    const result = await work(dir)
    for (const file of await readdir(dir)) {
      const profile = JSON.parse(await readFile(join(dir, file), 'utf8')) as CpuProfile
      say(`own time in ${file}:`)
      for (const { where, share } of topSelfTimes(profile, MOST))
        say(`  ${(share * 100).toFixed(1).padStart(5)} %  ${where}`)
    }
    return result
  } finally {
    await rm(dir, { recursive: true })
  }
}
