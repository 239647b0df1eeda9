import { cp, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { Mutation } from './guards.ts'

export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const COPIED = ['apps', 'infra', 'packages', 'package.json', 'tsconfig.base.json', 'vitest.config.ts']

/** A copy of the sources as they are now, to take guards out of; installed packages are links, our own are the copy's. */
export class MutableTree {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  static async copy(): Promise<MutableTree> {
    const folder = await mkdtemp(join(tmpdir(), 'chasqui-mutation-'))
    for (const name of COPIED)
      await cp(join(ROOT, name), join(folder, name), {
        recursive: true,
        filter: (path) => !['node_modules', '.turbo'].includes(basename(path)),
      })
    await linkPackages(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    return new MutableTree(folder)
  }

  /** @returns what puts the guard back. Throws when the guard is not where it was. */
  async takeOut({ guard, edits }: Mutation): Promise<() => Promise<void>> {
    const originals: Array<readonly [path: string, text: string]> = []
    for (const { file, from, to } of edits) {
      const path = join(this.folder, file)
      const text = await readFile(path, 'utf8')
      if (text.split(from).length !== 2) throw new Error(`"${guard}" does not stand once in ${file}: ${from}`)
      originals.push([path, text])
      await writeFile(
        path,
        text.replace(from, () => to),
      )
    }
    return async () => {
      for (const [path, text] of originals) await writeFile(path, text)
    }
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}

async function linkPackages(from: string, to: string): Promise<void> {
  await mkdir(join(to, '@chasqui'), { recursive: true })
  for (const name of await readdir(from))
    if (name !== '@chasqui' && name !== '.vite') await symlink(join(from, name), join(to, name))
  // These are relative, and so lead into the copy.
  for (const name of await readdir(join(from, '@chasqui')))
    await symlink(await readlink(join(from, '@chasqui', name)), join(to, '@chasqui', name))
}
