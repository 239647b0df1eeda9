// A Redis for a machine that has none, private to the process that asks. Plain JavaScript for Node 20, no dependency.

import { spawn, execFile } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { findOnPath, obtainFromDebian } from './debian.mjs'

const run = promisify(execFile)

const DOCKER_IMAGE = 'redis:8-alpine'
const START_TIMEOUT_MS = 60_000
/** Who is told to end and is in the middle of a script that never does hears nothing. */
const END_TIMEOUT_MS = 10_000
const PORT_ATTEMPTS = 5

/** Nothing that was acknowledged is lost, nothing is evicted, nobody but this machine gets in. */
const DEFAULT_CONFIG = {
  bind: '127.0.0.1',
  save: '',
  appendonly: 'yes',
  appendfsync: 'always',
  'maxmemory-policy': 'noeviction',
  daemonize: 'no',
  loglevel: 'notice',
}

export class NoRedisError extends Error {
  /** @type {'CHASQUI_NO_REDIS'} */
  code = 'CHASQUI_NO_REDIS'
}

/** @type {typeof import('./redis.d.mts').obtainRedis} */
export async function obtainRedis({ log = () => {}, env = process.env } = {}) {
  for (const name of ['redis-server', 'valkey-server']) {
    const command = await findOnPath(name, env)
    if (command) return { kind: 'program', from: `${name} on PATH (${command})`, command, env: {} }
  }
  const problems = []
  try {
    // Debian's redis-server package holds the service; the binary is redis-tools' redis-check-rdb under another name.
    const unpacked = await obtainFromDebian({
      name: 'redis',
      packages: ['redis-server', 'redis-tools'],
      program: 'usr/bin/redis-server',
      log,
      env,
    })
    if (unpacked)
      return {
        kind: 'program',
        from: `the distribution's package, unpacked in ${unpacked.folder}`,
        command: unpacked.command,
        env: unpacked.env,
      }
  } catch (error) {
    problems.push(`the distribution's package could not be unpacked (${firstLine(error)})`)
  }
  const docker = await findOnPath('docker', env)
  if (docker) {
    try {
      await run(docker, ['info', '--format', '{{.ServerVersion}}'], { timeout: 10_000 })
      return { kind: 'docker', from: `Docker (${DOCKER_IMAGE})`, command: docker, image: DOCKER_IMAGE }
    } catch {
      problems.push('Docker is not running')
    }
  }
  const why = problems.length > 0 ? ` (${problems.join('; ')})` : ''
  throw new NoRedisError(`No Redis: set REDIS_URL, install redis-server or valkey-server, or start Docker${why}.`)
}

/** @param {unknown} error */
function firstLine(error) {
  const { stderr, message } = /** @type {{ stderr?: string, message?: string }} */ (error)
  return (stderr || message || String(error)).trim().split('\n').at(-1)
}

/** @type {typeof import('./redis.d.mts').startPrivateRedis} */
export async function startPrivateRedis({ dir, port, config = {}, log = () => {}, env = process.env } = {}) {
  const source = await obtainRedis({ log, env })
  log(`Redis: ${source.from}`)
  const folder = dir ?? (await mkdtemp(join(tmpdir(), 'chasqui-redis-')))
  await mkdir(folder, { recursive: true })
  for (let attempt = 1; ; attempt += 1) {
    const chosen = port ?? (await freePort())
    try {
      const server = await startServer(source, folder, chosen, config)
      return handle({ source, folder, temporary: dir === undefined, port: chosen, config, server })
    } catch (error) {
      // Between our asking for a free port and Redis' taking it, somebody else may.
      const taken = /Address already in use|port is already allocated/i.test(String(error))
      if (!taken || port !== undefined || attempt === PORT_ATTEMPTS) throw error
    }
  }
}

/**
 * @param {{ source: import('./redis.d.mts').RedisSource, folder: string, temporary: boolean, port: number, config: Readonly<Record<string, string>>, server: Server }} own
 * @returns {import('./redis.d.mts').PrivateRedis}
 */
function handle({ source, folder, temporary, port, config, server }) {
  let current = server
  // Whoever forgets to stop it, or is told to exit at once, leaves no folder behind. (Whoever is killed does.)
  const sweep = () => {
    current.kill()
    rmSync(folder, { recursive: true, force: true })
  }
  if (temporary) process.once('exit', sweep)
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    dir: folder,
    from: source.from,
    get pid() {
      return current.pid
    },
    async stop() {
      await current.end('SIGTERM')
      process.off('exit', sweep)
      if (temporary) await rm(folder, { recursive: true, force: true })
    },
    kill: () => current.end('SIGKILL'),
    async restart() {
      await current.end('SIGTERM')
      current = await startServer(source, folder, port, config)
    },
  }
}

/** @typedef {{ pid: number, kill(): void, end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> }} Server */

/**
 * @param {import('./redis.d.mts').RedisSource} source
 * @param {string} folder
 * @param {number} port
 * @param {Readonly<Record<string, string>>} config
 * @returns {Promise<Server>}
 */
async function startServer(source, folder, port, config) {
  const { command, args, env, pidIsServer } = await commandLine(source, folder, port, config)
  // stdin stays open as long as this process lives: the watching shell reads its end as the parent's death.
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const exited = once(child, 'exit')
  exited.catch(() => {})
  const pid = await untilReady(child, pidIsServer)
  /** @param {'SIGTERM' | 'SIGKILL'} signal */
  const send = (signal) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    try {
      if (source.kind === 'docker') child.kill(signal)
      else process.kill(pid, signal)
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error
    }
  }
  return {
    pid,
    kill: () => send('SIGKILL'),
    async end(signal) {
      send(signal)
      const timer = setTimeout(() => send('SIGKILL'), END_TIMEOUT_MS)
      await exited
      clearTimeout(timer)
    },
  }
}

/**
 * Two ways to let the server die with its parent, even a killed one: Linux' parent-death signal, else a shell that waits on its stdin.
 * By SIGKILL: a server in a script that never ends hears nothing else, and nothing that was acknowledged is lost.
 *
 * @param {import('./redis.d.mts').RedisSource} source
 * @param {string} folder
 * @param {number} port
 * @param {Readonly<Record<string, string>>} config
 */
async function commandLine(source, folder, port, config) {
  if (source.kind === 'docker') {
    const settings = redisArguments({
      ...DEFAULT_CONFIG,
      bind: '0.0.0.0',
      ...config,
      port: '6379',
      dir: '/data',
      'protected-mode': 'no',
    })
    const container = ['run', '--rm', '-i', '-p', `127.0.0.1:${port}:6379`, '-v', `${folder}:/data`, source.image]
    return {
      command: source.command,
      args: [...container, 'sh', '-c', WATCHING_SHELL, 'sh', 'redis-server', ...settings],
      env: {},
      pidIsServer: true,
    }
  }
  const server = [source.command, ...redisArguments({ ...DEFAULT_CONFIG, ...config, port: String(port), dir: folder })]
  const setpriv = await findOnPath('setpriv')
  if (setpriv) return { command: setpriv, args: ['--pdeathsig', 'KILL', ...server], env: source.env, pidIsServer: true }
  return { command: 'sh', args: ['-c', WATCHING_SHELL, 'sh', ...server], env: source.env, pidIsServer: false }
}

// A background process of a shell has no stdin of its own, hence descriptor 3; `read` is a builtin, so the watcher is one process that can be ended.
const WATCHING_SHELL = [
  'exec 3<&0',
  '"$@" </dev/null 3<&- & server=$!',
  'echo "server pid $server"',
  '(read -r _ <&3; kill -9 "$server") >/dev/null 2>&1 & watcher=$!',
  'wait "$server"; kill "$watcher" 2>/dev/null',
].join('\n')

/** @param {Readonly<Record<string, string>>} config */
function redisArguments(config) {
  return Object.entries(config).flatMap(([name, value]) => [`--${name}`, value])
}

/**
 * The server's process id, once it says that it accepts connections; by then an existing data folder is loaded.
 *
 * @param {import('node:child_process').ChildProcessWithoutNullStreams} child
 * @param {boolean} pidIsServer false when the child is a shell that prints the server's id first
 * @returns {Promise<number>}
 */
function untilReady(child, pidIsServer) {
  /** @type {string[]} */
  const last = []
  let pid = child.pid ?? 0
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      fail(`did not start within ${START_TIMEOUT_MS / 1000} s`)
    }, START_TIMEOUT_MS)
    /** @param {string} what */
    const fail = (what) => {
      clearTimeout(timer)
      reject(new Error(`Redis ${what}: ${last.join(' | ')}`))
    }
    /** @param {string} line */
    const read = (line) => {
      if (last.push(line) > 10) last.shift()
      if (!pidIsServer) pid = Number(/^server pid (\d+)/.exec(line)?.[1] ?? pid)
      if (!/Ready to accept connections/i.test(line)) return
      clearTimeout(timer)
      resolve(pid)
    }
    createInterface({ input: child.stdout }).on('line', read)
    createInterface({ input: child.stderr }).on('line', read)
    child.once('error', (error) => fail(error.message))
    child.once('close', () => fail('ended at its start'))
    child.stdin.on('error', () => {})
  })
}

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port')
  server.close()
  await once(server, 'close')
  return address.port
}
