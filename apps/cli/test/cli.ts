import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

import { spawnApp, startRedis } from '@chasqui/harness'

import { run } from '../src/program.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
export const KEY = 'a-key-of-the-tests'
const TOKEN = 'a-token-of-the-tests'

export const CAMPAIGN = {
  name: 'from-the-command-line',
  sender: 'main',
  template: {
    name: 'greeting',
    language: 'pt_BR',
    components: [{ type: 'body', parameters: [{ type: 'text', text: '{{first_name}}' }] }],
  },
}

export type Said = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

export type RunOptions = { readonly env?: Readonly<Record<string, string>>; readonly stdin?: string }

/** The whole installation as processes of their own, and the command line as one more. */
export type Installation = {
  readonly url: string
  /** Carries out one command of Redis', as if something had gone wrong there. */
  readonly redis: (command: string) => Promise<void>
  readonly folder: string
  /** Runs a command line to its end. */
  readonly chasqui: (args: readonly string[], options?: RunOptions) => Promise<Said>
  /** Writes a file and answers its path. */
  readonly file: (name: string, content: string | Uint8Array) => string
  /** Lets a send-worker run against a pretended endpoint, so that campaigns come to their end. */
  readonly startSending: () => Promise<void>
  readonly stop: () => Promise<void>
}

export async function startInstallation(): Promise<Installation> {
  const redis = await startRedis()
  const folder = mkdtempSync(join(tmpdir(), 'chasqui-cli-'))
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
  const simulator = spawnApp({
    name: 'simulator',
    env: { PORT: '0', SIMULATOR_TOKENS: TOKEN, SIMULATOR_NUMBERS: '106540352242922:1000' },
  })
  const apps = [simulator]
  const baseUrl = `http://127.0.0.1:${(await simulator.ready()).port}/v25.0`
  const sender = { id: 'main', phoneNumberId: '106540352242922', wabaId: '102290129340398', accessTokenEnv: 'TOKEN' }
  const senders = [{ ...sender, messagesPerSecond: 80, baseUrl }]
  const env = {
    REDIS_URL: redis.url,
    SENDERS_FILE: file('senders.json', JSON.stringify(senders)),
    METRICS_PORT: '0',
    TOKEN,
  }
  const producer = spawnApp({
    name: 'producer',
    env: { ...env, PORT: '0', API_KEYS: `tests:${createHash('sha256').update(KEY).digest('hex')}` },
  })
  apps.push(producer)
  const url = `http://127.0.0.1:${(await producer.ready()).port}`
  return {
    url,
    redis: async (command) => await inRedis(redis.port, command),
    folder,
    chasqui: async (args, options = {}) =>
      await chasqui(args, { ...options, env: { CHASQUI_URL: url, CHASQUI_API_KEY: KEY, ...options.env } }),
    file,
    startSending: async () => {
      const worker = spawnApp({ name: 'send-worker', env })
      apps.push(worker)
      await worker.ready()
    },
    stop: async () => {
      await Promise.all(apps.map(async (app) => await app.stop()))
      await redis.stop()
      await rm(folder, { recursive: true })
    },
  }
}

/** Runs a command line in this process: the program without the start of Node, which is most of its time. */
export async function chasqui(args: readonly string[], { env = {}, stdin = '' }: RunOptions): Promise<Said> {
  const [stdout, stderr] = [new Memory(), new Memory()]
  const code = await run(args, { env, stdin: Readable.from([Buffer.from(stdin)]), stdout, stderr, now: Date.now })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

/** The command line knows no Redis, so the tests speak to it by hand. */
async function inRedis(port: number, command: string): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.end(`${command}\r\nQUIT\r\n`)
  const answer = await text(socket)
  if (answer.startsWith('-')) throw new Error(answer)
}

/** Runs it in a process of its own, with nothing but the given environment. */
export async function spawned(args: readonly string[], { env = {}, stdin = '' }: RunOptions): Promise<Said> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...env }, stdio: 'pipe' })
  child.stdin.on('error', () => {}).end(stdin)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: child.exitCode, stdout, stderr }
}

/** Keeps what is written to it. */
class Memory extends Writable {
  text = ''

  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.text += piece.toString()
    done()
  }
}
