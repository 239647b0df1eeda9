// Brings a fresh clone to where everything runs: the dependencies of the lock file and a Node that is new enough.
// Plain JavaScript for Node 20, no dependency: it is the first thing every npm script runs.
//
// Nothing outside node_modules is touched. Run twice at once, the second waits for the first. When nothing is to be done it says nothing.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { delimiter, dirname, join, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { differences } from './installed.mjs'
import { withLock } from './lock.mjs'

/** Type stripping is stable from here on. */
const NODE_LEAST = [24, 12]

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const modules = join(root, 'node_modules')
const ownNode = join(modules, '.bin', 'node')
const lock = readJson(join(root, 'package-lock.json'))
const OWN_NODE_PACKAGE = `node_modules/node-${process.platform}-${process.arch}`

try {
  if (!isInstalled())
    await withLock(join(root, '.cache', 'install.lock'), install, { onWait: () => say('waiting for another npm ci') })
  ensureNode()
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}

/** Whether node_modules is what the lock file says. npm writes its own account last, so a half-finished install has none. */
function isComplete() {
  const installed = readJson(join(modules, '.package-lock.json'))
  return lock !== null && installed !== null && differences(lock, installed) === 0
}

function isInstalled() {
  if (!isComplete()) return false
  // Node itself is optional, because not every platform has it: npm says nothing when it could not be fetched.
  return existsSync(ownNode) || !(OWN_NODE_PACKAGE in (lock?.packages ?? {})) || isEnough(systemNode())
}

async function install() {
  if (isInstalled()) return
  const start = Date.now()
  say(`installing the dependencies of package-lock.json (npm ci) into ${modules}`)
  const { command, args } = npm()
  const child = spawn(command, [...args, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    env: { ...process.env, PATH: pathWithoutOwnModules() },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code] = await once(child, 'exit')
  if (code !== 0)
    throw new Error(
      `npm ci failed (see above): the dependencies could not be installed; is the npm registry reachable?`,
    )
  if (!isComplete())
    throw new Error('npm ci left something out that package-lock.json asks for; remove node_modules and try again')
  say(`installed in ${((Date.now() - start) / 1000).toFixed(1)} s`)
}

/** The Node of the lock file where there is one for this platform, else the system's. `npm run` looks for `node` in this order, too. */
function ensureNode() {
  const present = existsSync(ownNode)
  if (present && isEnough(versionOf(ownNode))) return
  const system = systemNode()
  if (isEnough(system)) {
    // A binary that does not run here (another libc, say) would hide the one that does.
    if (present) rmSync(ownNode)
    return
  }
  const found = system === null ? 'missing' : `v${system}`
  const own = present ? 'does not run here' : `cannot be had for ${process.platform}-${process.arch}`
  throw new Error(
    `Chasqui needs Node ${NODE_LEAST.join('.')} or newer: package-lock.json's ${own}, the system's is ${found}. Install Node 26.`,
  )
}

function systemNode() {
  const found = spawnSync('node', ['-v'], { encoding: 'utf8', env: { ...process.env, PATH: pathWithoutOwnModules() } })
  return found.status === 0 ? found.stdout.trim().slice(1) : null
}

/** @param {string} command */
function versionOf(command) {
  const found = spawnSync(command, ['-v'], { encoding: 'utf8' })
  return found.status === 0 ? found.stdout.trim().slice(1) : null
}

/** @param {string | null} version */
function isEnough(version) {
  if (version === null) return false
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = NODE_LEAST
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
}

/** npm ci empties node_modules: it must run on a Node from outside of it. */
function pathWithoutOwnModules() {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !resolve(folder).startsWith(modules + sep))
    .join(delimiter)
}

/** The npm that runs us, started by the Node that runs it; else the one on PATH. */
function npm() {
  const script = process.env['npm_execpath']
  const node = process.env['npm_node_execpath']
  if (
    script &&
    node &&
    /npm-cli\.c?js$/.test(script) &&
    existsSync(node) &&
    !realpathSync(node).startsWith(modules + sep)
  )
    return { command: node, args: [script] }
  return { command: 'npm', args: [] }
}

/** @param {string} path */
function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return null
  }
}

/** @param {string} line */
function say(line) {
  process.stderr.write(`bootstrap: ${line}\n`)
}
