import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, type AppExit, spawnApp } from '@chasqui/harness'
import { ACCESS_TOKEN, CONNECTIONS, PHONE_NUMBER_ID, SENDER } from './message.ts'

/** The keys of a benchmark's Redis begin with it: as long as the default, for the bytes it takes in each key. */
export const PREFIX = 'chasqui'

/** Signs the webhooks. */
export const APP_SECRET = 'bench-app-secret'

export type AppsOptions = {
  readonly redisUrl: string
  /** Where the sender posts to. */
  readonly endpointUrl: string
  /** A folder for CPU profiles; `null` for none. */
  readonly profileDir: string | null
  /** The sender's limit; left out: the highest there is, never reached. */
  readonly messagesPerSecond?: number
  /** How statuses find their recipient; left out: by callback data. */
  readonly correlation?: Correlation
}

export type Correlation = 'callback_data' | 'message_id'

/** The real apps as in production: a process each, configured by the environment alone. */
export type Apps = {
  startProducer(): Promise<RunningApp>
  startSendWorker(): Promise<RunningApp>
  /** @param port left out: a free one. */
  startStatusWorker(port?: number): Promise<RunningApp>
  /** Stops what still runs and removes the senders file. */
  stop(): Promise<void>
}

export type RunningApp = {
  readonly pid: number
  readonly url: string
  readonly metricsUrl: string
  readonly exited: Promise<AppExit>
  stop(): Promise<AppExit>
}

/** The highest there is, and never reached: what is measured is the software. */
const MESSAGES_PER_SECOND = 100_000

export async function configureApps(options: AppsOptions): Promise<Apps> {
  const { redisUrl, endpointUrl, profileDir, messagesPerSecond = MESSAGES_PER_SECOND } = options
  const { correlation = 'callback_data' } = options
  const dir = await mkdtemp(join(tmpdir(), 'chasqui-bench-'))
  const sendersFile = join(dir, 'senders.json')
  await writeFile(sendersFile, JSON.stringify([{ ...sender(endpointUrl, messagesPerSecond), correlation }]))
  const environment = {
    REDIS_URL: redisUrl,
    REDIS_PREFIX: PREFIX,
    SENDERS_FILE: sendersFile,
    WA_TOKEN_BENCH: ACCESS_TOKEN,
    WEBHOOK_VERIFY_TOKEN: 'bench-verify-token',
    WEBHOOK_APP_SECRETS: APP_SECRET,
    SEND_CONCURRENCY: String(CONNECTIONS),
    HOST: '127.0.0.1',
    PORT: '0',
    METRICS_PORT: '0',
    ...(profileDir === null ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profileDir}` }),
  }
  const running: App[] = []
  const start = async (name: string, wanted = 0): Promise<RunningApp> => {
    const app = spawnApp({ name, env: { ...environment, PORT: String(wanted) } })
    running.push(app)
    const { port, metricsPort } = await app.ready()
    return {
      pid: app.pid,
      url: `http://127.0.0.1:${port}`,
      metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
      exited: app.exited,
      stop: async () => app.stop(),
    }
  }
  return {
    startProducer: async () => start('producer'),
    startSendWorker: async () => start('send-worker'),
    startStatusWorker: async (port) => start('status-worker', port),
    stop: async () => {
      await Promise.all(running.map(async (app) => app.stop()))
      await rm(dir, { recursive: true })
    },
  }
}

function sender(endpointUrl: string, messagesPerSecond: number): object {
  return {
    id: SENDER,
    phoneNumberId: PHONE_NUMBER_ID,
    wabaId: '102290129340398',
    accessTokenEnv: 'WA_TOKEN_BENCH',
    messagesPerSecond,
    baseUrl: endpointUrl,
  }
}
