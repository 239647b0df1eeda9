import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

// @boundaries-ignore infra/dev is plain JavaScript outside any package, because it runs before anything is installed
import { obtainFromDebian } from '../../dev/debian.mjs'

/**
 * The environment in which a program's clock is off by this much; its monotonic clock stays true, as on a host whose
 * clock is wrong.
 *
 * @param offsetSeconds whole seconds, positive: ahead.
 * @returns `null` where there is no libfaketime to be had.
 */
export async function clockOffBy(offsetSeconds: number): Promise<Readonly<Record<string, string>> | null> {
  const unpacked = await obtainFromDebian({
    name: 'faketime',
    packages: ['faketime', 'libfaketime'],
    program: 'usr/bin/faketime',
  }).catch(() => null)
  if (unpacked === null) return null
  const library = await findLibrary(join(unpacked.folder, 'usr/lib'))
  if (library === null) return null
  return {
    LD_PRELOAD: library,
    FAKETIME: `${offsetSeconds >= 0 ? '+' : '-'}${Math.abs(offsetSeconds)}s`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }
}

async function findLibrary(folder: string): Promise<string | null> {
  const entries = await readdir(folder, { recursive: true }).catch(() => [])
  const found = entries.find((path) => path.endsWith('faketime/libfaketime.so.1'))
  return found === undefined ? null : join(folder, found)
}
