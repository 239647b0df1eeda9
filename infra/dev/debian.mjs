// Programs from Debian packages, unpacked into a cache folder: nothing is installed, no service starts, no root is needed.
// Plain JavaScript for Node 20, no dependency.

import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { withLock } from './lock.mjs'

const run = promisify(execFile)

/** apt without the machine-wide lock, which only root may take: we change nothing it protects. */
const NO_LOCKING = ['-o', 'Debug::NoLocking=1']
/** apt as root drops to a user that may not write into our folders. */
const NO_SANDBOX = ['-o', 'APT::Sandbox::User=']

/** @type {typeof import('./debian.d.mts').cacheFolder} */
export function cacheFolder(env = process.env) {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'chasqui')
}

/** @type {typeof import('./debian.d.mts').findOnPath} */
export async function findOnPath(name, env = process.env) {
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    if (await isExecutable(join(folder, name))) return join(folder, name)
  }
  return null
}

/** @type {typeof import('./debian.d.mts').obtainFromDebian} */
export async function obtainFromDebian({ name, packages, program, log = () => {}, env = process.env }) {
  if (!(await findOnPath('apt-get', env)) || !(await findOnPath('dpkg', env))) return null
  const cache = cacheFolder(env)
  const folder = join(cache, `${name}-${await distribution()}-${process.arch}`)
  const ready = await useFolder(folder, program)
  if (ready) return ready
  return withLock(
    `${folder}.lock`,
    async () => {
      const byOther = await useFolder(folder, program)
      if (byOther) return byOther
      log(`unpacking the distribution's ${packages.join(', ')} into ${folder}`)
      // Unpacked beside its place and renamed: a folder under its final name is whole, whenever this process dies.
      const draft = await mkdtemp(`${folder}.draft-`)
      try {
        await fill(draft, packages, program)
        const unpacked = await useFolder(draft, program)
        if (!unpacked) throw new Error(`${program} of ${packages.join(', ')} does not run here`)
        await writeFile(join(draft, 'packages.txt'), `${packages.join('\n')}\n`)
        await rm(folder, { recursive: true, force: true })
        await rename(draft, folder)
      } finally {
        await rm(draft, { recursive: true, force: true })
        await rm(listsOf(draft), { recursive: true, force: true })
      }
      return useFolder(folder, program)
    },
    { onWait: () => log(`waiting for another process that unpacks ${packages.join(', ')}`) },
  )
}

/**
 * The program of an unpacked folder, if it starts. Asking it for its version finds a half-filled folder and a library that is gone.
 *
 * @param {string} folder
 * @param {string} program
 */
async function useFolder(folder, program) {
  const command = join(folder, program)
  if (!(await isExecutable(command))) return null
  const libraries = await libraryFolders(folder)
  const env = libraries.length > 0 ? { LD_LIBRARY_PATH: libraries.join(':') } : {}
  try {
    await run(command, ['--version'], { env: { ...process.env, ...env } })
    return { command, env, folder }
  } catch {
    return null
  }
}

/**
 * @param {string} draft
 * @param {readonly string[]} packages
 * @param {string} program
 */
async function fill(draft, packages, program) {
  const apt = await unpackWithFreshLists(draft, packages)
  if (await useFolder(draft, program)) return
  // The program wants libraries this machine does not have: exactly those apt would install with it, and only libraries of them.
  const { stdout } = await run('apt-get', [
    ...apt,
    '-s',
    ...NO_LOCKING,
    '--no-install-recommends',
    'install',
    ...packages,
  ])
  const libraries = [...stdout.matchAll(/^Inst (\S+)/gm)].flatMap(([, name]) =>
    name && /^(lib|lua)/.test(name) ? [name] : [],
  )
  if (libraries.length > 0) await unpack(draft, await download(draft, libraries, apt))
}

/**
 * With the machine's own package lists; when these are missing or too old, with private ones beside the draft, so that
 * the machine's stay as they are. Returns the options of the apt that worked.
 *
 * @param {string} draft
 * @param {readonly string[]} packages
 */
async function unpackWithFreshLists(draft, packages) {
  const own = await download(draft, packages, []).catch(() => null)
  if (own) {
    await unpack(draft, own)
    return []
  }
  const folder = listsOf(draft)
  for (const part of ['lists', 'archives']) await mkdir(join(folder, part, 'partial'), { recursive: true })
  const apt = ['-o', `Dir::State::Lists=${join(folder, 'lists')}`, '-o', `Dir::Cache=${folder}`]
  await run('apt-get', [...apt, ...NO_LOCKING, ...NO_SANDBOX, '-q', 'update'], { timeout: 120_000 })
  await unpack(draft, await download(draft, packages, apt))
  return apt
}

/** @param {string} draft */
const listsOf = (draft) => `${draft}-apt`

/**
 * @param {string} into
 * @param {readonly string[]} packages
 * @param {readonly string[]} apt
 */
async function download(into, packages, apt) {
  const folder = await mkdtemp(join(into, 'deb-'))
  await run('apt-get', [...apt, ...NO_SANDBOX, '-q', 'download', ...packages], { cwd: folder, timeout: 180_000 })
  return folder
}

/**
 * @param {string} draft
 * @param {string} debs folder of .deb files; removed
 */
async function unpack(draft, debs) {
  for (const deb of await readdir(debs)) await run('dpkg', ['-x', join(debs, deb), draft])
  await rm(debs, { recursive: true, force: true })
}

/** @param {string} folder */
async function libraryFolders(folder) {
  const found = []
  for (const base of ['usr/lib', 'lib']) {
    const path = join(folder, base)
    for (const entry of await readdir(path, { withFileTypes: true }).catch(() => [])) {
      if (entry.isDirectory() && /-linux-gnu/.test(entry.name)) found.push(join(path, entry.name))
    }
  }
  return found
}

/** A name for the folder, so that a home folder shared between machines does not mix their binaries. */
async function distribution() {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '')
  /** @param {string} key */
  const field = (key) => new RegExp(`^${key}="?([^"\\n]+)`, 'm').exec(text)?.[1] ?? 'unknown'
  return `${field('ID')}${field('VERSION_ID')}`
}

/** @param {string} path */
async function isExecutable(path) {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
