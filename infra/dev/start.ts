// `npm start`: the whole stack in one command, against the configured environment. `-- --simulator` adds the pretend endpoint.
//
// Redis is REDIS_URL, or an embedded one that keeps its data in .cache/redis (CHASQUI_REDIS_DIR puts it elsewhere). Whatever ends first ends the rest.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { endWithParent, startRedis, type PrivateRedis } from '@chasqui/harness'
import { withLock } from './lock.mjs'
import { environmentOf } from './start-environment.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const say = (line: string): void => void process.stderr.write(`start: ${line}\n`)

const { values: options } = parseArgs({ options: { simulator: { type: 'boolean', default: false } } })
const apps = ['producer', 'send-worker', 'status-worker', ...(options.simulator ? ['simulator'] : [])]

const redis = process.env['REDIS_URL'] || process.env['REDIS_URL_FILE'] ? null : await embeddedRedis()

const children = new Map(apps.map((name) => [name, run(name)]))
let stopping = false

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(0))
for (const [name, child] of children) {
  child.once('exit', (code, signal) => {
    if (stopping) return
    say(`${name} ended (${signal ?? code}), so the rest is stopped`)
    void stop(code === 0 || code === null ? 1 : code)
  })
}

/** Its data outlives this process; two servers on the same data would ruin it, so the folder is locked. */
async function embeddedRedis(): Promise<PrivateRedis> {
  const dir = process.env['CHASQUI_REDIS_DIR'] || `${root}.cache/redis`
  const refuse = (why: string): never => {
    say(why)
    process.exit(1)
  }
  const locked = Promise.withResolvers<void>()
  void withLock(`${dir}.lock`, () => new Promise<never>(() => locked.resolve()), {
    staleAfterMs: Infinity,
    onWait: () => refuse(`another npm start has its data in ${dir}: stop it, or set REDIS_URL or CHASQUI_REDIS_DIR`),
  })
  await locked.promise
  const server = await startRedis({ dir, log: say }).catch((error: unknown) =>
    refuse(error instanceof Error ? error.message : String(error)),
  )
  say(`embedded Redis at ${server.url}, data in ${server.dir}`)
  return server
}

function run(name: string): ChildProcess {
  const { file, args, stdin } = endWithParent([process.execPath, `apps/${name}/src/main.ts`], 'TERM')
  const env = environmentOf(name, process.env, redis?.url)
  return spawn(file, args, { cwd: root, env, stdio: [stdin, 'inherit', 'inherit'] })
}

/** The apps drain first; then what they lean on goes. A repeated signal changes nothing: each app knows when to lose its patience. */
async function stop(code: number): Promise<void> {
  if (stopping) return
  stopping = true
  await Promise.all([...children.values()].map(ended))
  await redis?.stop()
  process.exit(code)
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}
