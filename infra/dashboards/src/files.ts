import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { campaigns } from './campaigns.ts'
import { dashboardJson } from './grafana.ts'
import type { Page } from './page.ts'
import { platform } from './platform.ts'

export const PAGES: readonly Page[] = [campaigns, platform]

/** Where Grafana finds them (infra/grafana/provisioning) and where they are committed. */
export const FOLDER = fileURLToPath(new URL('../../grafana/dashboards/', import.meta.url))

export type DashboardFile = { readonly name: string; readonly json: string }

/** The dashboards as they should be on disk. */
export function dashboardFiles(): DashboardFile[] {
  return PAGES.map((page) => ({ name: `${page.uid}.json`, json: dashboardJson(page) }))
}

export async function writeDashboards(): Promise<readonly string[]> {
  const files = dashboardFiles()
  for (const { name, json } of files) await writeFile(`${FOLDER}${name}`, json)
  return files.map(({ name }) => name)
}

/** A dashboard as it is on disk; `null` when there is none. */
export async function committed(name: string): Promise<string | null> {
  try {
    return await readFile(`${FOLDER}${name}`, 'utf8')
  } catch {
    return null
  }
}
