import { Redis } from 'ioredis'
import { mkdtemp, readdir, rm, writeFile, chmod, mkdir, symlink } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
// @boundaries-ignore infra/dev is plain JavaScript outside any package, because it runs before anything is installed
import { findOnPath } from '../../dev/debian.mjs'
// @boundaries-ignore infra/dev is plain JavaScript outside any package, because it runs before anything is installed
import { obtainRedis } from '../../dev/redis.mjs'
import { spawnApp, startRedis, type App, type PrivateRedis } from '../src/index.ts'
import { isAlive } from './is-alive.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function started(): Promise<{ server: PrivateRedis; client: Redis }> {
  const server = await startRedis()
  cleanups.push(() => server.stop())
  const client = new Redis(server.url)
  client.on('error', () => {})
  cleanups.push(async () => client.disconnect())
  return { server, client }
}

const folder = async (): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), 'chasqui-test-'))
  cleanups.push(() => rm(path, { recursive: true, force: true }))
  return path
}

test('it is durable, never evicts and listens on loopback only', async () => {
  const { client } = await started()
  const settings = await client.config('GET', 'append*', 'maxmemory-policy', 'bind')
  expect(settings).toEqual(
    expect.arrayContaining(['appendonly', 'yes', 'appendfsync', 'always', 'noeviction', '127.0.0.1']),
  )
})

test('what was acknowledged is there after kill -9 and restart, on the same port', async () => {
  const { server, client } = await started()
  await client.set('kept', 'yes')
  const before = server.pid
  await server.kill()
  await server.restart()
  expect(await client.get('kept')).toBe('yes')
  expect(server.pid).not.toBe(before)
})

test('stop removes the temporary data folder and may be called twice', async () => {
  const { server } = await started()
  expect(await readdir(server.dir)).not.toEqual([])
  await server.stop()
  await server.stop()
  expect(existsSync(server.dir)).toBe(false)
})

test('a parent that ends without stopping it leaves neither server nor folder', async () => {
  const { pid, dir, parent } = await parentWithRedis(process.env['PATH'] ?? '')
  parent.signal('SIGUSR2')
  expect((await parent.exited).code).toBe(0)
  await gone(pid)
  expect(existsSync(dir)).toBe(false)
})

test('it does not outlive a parent that is killed, not even in a script that never ends', async () => {
  const { pid, url, parent } = await parentWithRedis(process.env['PATH'] ?? '')
  await busyForever(url)
  parent.signal('SIGKILL')
  await parent.exited
  await gone(pid)
})

test('without setpriv a shell watches over it', async () => {
  const bin = await folder()
  const { command, env } = (await obtainRedis()) as { command: string; env: Record<string, string> }
  for (const name of ['sh', 'rm']) await symlink((await findOnPath(name)) as string, join(bin, name))
  const exports = Object.entries(env).map(([key, value]) => `export ${key}=${value}`)
  await writeFile(join(bin, 'redis-server'), ['#!/bin/sh', ...exports, `exec ${command} "$@"`].join('\n'))
  await chmod(join(bin, 'redis-server'), 0o755)
  const { pid, parent } = await parentWithRedis(bin)
  parent.signal('SIGKILL')
  await parent.exited
  await gone(pid)
})

test('a half-filled cache is filled again, also by two at once', { timeout: 120_000 }, async ({ skip }) => {
  const source = await obtainRedis()
  if (!source.from.includes('unpacked')) skip('this machine has its own Redis')
  const cache = await folder()
  const name = /(redis-[^/]+)\/usr/.exec((source as { command: string }).command)?.[1] as string
  await mkdir(join(cache, 'chasqui', name, 'usr/bin'), { recursive: true })
  await writeFile(join(cache, 'chasqui', name, 'usr/bin/redis-server'), 'half', { mode: 0o755 })
  const env = { ...process.env, XDG_CACHE_HOME: cache }
  const both = await Promise.all([obtainRedis({ env }), obtainRedis({ env })])
  for (const { from } of both) expect(from).toContain(cache)
  expect((await readdir(join(cache, 'chasqui'))).filter((entry) => /draft|lock/.test(entry))).toEqual([])
})

test('where nothing can be had it says what to install, in one line', async () => {
  const empty = await folder()
  await expect(obtainRedis({ env: { PATH: empty } })).rejects.toMatchObject({
    code: 'CHASQUI_NO_REDIS',
    message: 'No Redis: set REDIS_URL, install redis-server or valkey-server, or start Docker.',
  })
})

/** A process of its own that holds a Redis and prints the server's process id. */
async function parentWithRedis(path: string): Promise<{ pid: number; dir: string; url: string; parent: App }> {
  const parent = spawnApp({
    name: 'redis-holder',
    script: join(import.meta.dirname, 'fixtures/hold-redis.ts'),
    env: { PATH: path },
  })
  const line = await parent.waitFor(/holding \d+/)
  const [, digits = '', dir = '', url = ''] = /holding (\d+) (\S+) (redis:[^\s"]+)/.exec(line) ?? []
  const pid = Number(digits)
  expect(isAlive(pid)).toBe(true)
  return { pid, dir, url, parent }
}

const gone = async (pid: number): Promise<void> => expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false)

/** Resolves when this Redis is in a script that never ends. */
async function busyForever(url: string): Promise<void> {
  const clients = [new Redis(url, { maxRetriesPerRequest: 0 }), new Redis(url, { maxRetriesPerRequest: 0 })] as const
  for (const client of clients) {
    client.on('error', () => {})
    cleanups.push(async () => client.disconnect())
  }
  const [busy, other] = clients
  await busy.config('SET', 'busy-reply-threshold', '1')
  busy.eval('while true do end', 0).catch(() => {})
  const ping = async (): Promise<string> => await other.ping().catch(String)
  await expect.poll(ping, { timeout: 10_000 }).toContain('BUSY')
}
