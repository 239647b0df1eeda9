import { join } from 'node:path'
// @boundaries-ignore infra/dev is plain JavaScript outside any package, because it runs before anything is installed
import { findOnPath, obtainFromDebian } from '../../dev/debian.mjs'

/** Paths of the two programs. */
export interface PrometheusPrograms {
  readonly prometheus: string
  readonly promtool: string
  /** Where they were found, for people. */
  readonly from: string
}

/**
 * Prometheus and promtool: from PATH, else from the distribution's package, unpacked into the cache folder.
 *
 * @throws Error that says what to install
 */
export async function obtainPrometheus(log: (line: string) => void = () => {}): Promise<PrometheusPrograms> {
  const [prometheus, promtool] = await Promise.all([findOnPath('prometheus'), findOnPath('promtool')])
  if (prometheus && promtool) return { prometheus, promtool, from: 'PATH' }
  const unpacked = await obtainFromDebian({
    name: 'prometheus',
    packages: ['prometheus'],
    program: 'usr/bin/promtool',
    log,
  }).catch((cause: unknown) => {
    throw new Error('No Prometheus: put prometheus and promtool on PATH', { cause })
  })
  if (!unpacked) throw new Error('No Prometheus: put prometheus and promtool on PATH')
  return { prometheus: join(unpacked.folder, 'usr/bin/prometheus'), promtool: unpacked.command, from: unpacked.folder }
}
