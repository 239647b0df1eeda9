import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnApp, startRedis, type App } from '@chasqui/harness'

/** The number's limit at Meta and at the simulator: the highest throughput Meta gives one number. */
export const MESSAGES_PER_SECOND = 1_000
export const SENDER = 'demo'

const PHONE_NUMBER_ID = '106540352242922'
const WABA_ID = '102290129340398'

/**
 * The scenario's refusals without 131009 and 135000: these are tried again after minutes, which is right and takes longer
 * than a demo.
 */
const IMPATIENT = { answers: { rejectedCodes: [131021, 132012, 132012] } }

/** Where everything listens, and the key to it. */
export interface Stack {
  readonly api: string
  readonly apiKey: string
  readonly webhooks: string
  readonly simulator: string
  readonly metrics: Readonly<Record<string, string>>
  readonly redis: string
  readonly redisPrefix: string
  readonly sendersFile: string
  readonly apps: readonly App[]
}

/**
 * The real apps as processes of their own: simulator, producer, two send-workers, status-worker; and a private Redis,
 * unless REDIS_URL names one. `stopping` gets what must be ended, as soon as it is there.
 */
export async function startStack(
  stopping: (() => Promise<unknown>)[],
  say: (line: string) => void,
  seed: number,
): Promise<Stack> {
  const redis = await redisUrl(stopping, say)
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-demo-'))
  stopping.push(() => rm(folder, { recursive: true, force: true }))
  const sendersFile = await writeSenders(folder)

  const secret = (): string => randomBytes(16).toString('hex')
  const [apiKey, token, appSecret, verifyToken] = [secret(), secret(), secret(), secret()]
  const redisPrefix = `demo-${randomBytes(4).toString('hex')}`
  const shared = {
    REDIS_URL: redis,
    REDIS_PREFIX: redisPrefix,
    SENDERS_FILE: sendersFile,
    PORT: '0',
    METRICS_PORT: '0',
  }
  const apps: App[] = []
  stopping.push(() => Promise.all(apps.map((app) => app.stop())))
  const run = (name: string, env: Record<string, string>): App => {
    const app = spawnApp({ name, env: { ...shared, ...env } })
    apps.push(app)
    return app
  }

  const statusWorker = run('status-worker', { WEBHOOK_VERIFY_TOKEN: verifyToken, WEBHOOK_APP_SECRETS: appSecret })
  const producer = run('producer', { API_KEYS: `demo:${createHash('sha256').update(apiKey).digest('hex')}` })
  const status = await statusWorker.ready()
  const webhooks = `http://127.0.0.1:${status.port}/webhooks/whatsapp`
  await shakeHands(webhooks, verifyToken)
  const simulator = run('simulator', {
    SIMULATOR_SCENARIO: 'demo',
    SIMULATOR_SEED: String(seed),
    SIMULATOR_TOKENS: token,
    SIMULATOR_NUMBERS: `${PHONE_NUMBER_ID}:${MESSAGES_PER_SECOND}:${WABA_ID}`,
    SIMULATOR_WEBHOOK_URL: webhooks,
    SIMULATOR_APP_SECRET: appSecret,
    SIMULATOR_CONFIG: JSON.stringify(IMPATIENT),
  })
  const endpoint = `http://127.0.0.1:${(await simulator.ready()).port}`
  const workers = [1, 2].map(() => run('send-worker', { WA_TOKEN_DEMO: token, MM_LITE_BASE_URL: `${endpoint}/v25.0` }))
  const [api, ...sending] = await Promise.all([producer, ...workers].map((app) => app.ready()))

  const metricsOf = (port: unknown): string => `http://127.0.0.1:${String(port)}/metrics`
  return {
    api: `http://127.0.0.1:${api?.port}`,
    apiKey,
    webhooks,
    simulator: endpoint,
    metrics: {
      producer: metricsOf(api?.metricsPort),
      'send-worker 1': metricsOf(sending[0]?.metricsPort),
      'send-worker 2': metricsOf(sending[1]?.metricsPort),
      'status-worker': metricsOf(status.metricsPort),
    },
    redis,
    redisPrefix,
    sendersFile,
    apps,
  }
}

async function redisUrl(stopping: (() => Promise<unknown>)[], say: (line: string) => void): Promise<string> {
  const given = process.env['REDIS_URL']
  if (given) {
    say('Redis: REDIS_URL')
    return given
  }
  const redis = await startRedis({ log: say })
  stopping.push(() => redis.stop())
  return redis.url
}

async function writeSenders(folder: string): Promise<string> {
  const path = join(folder, 'senders.json')
  const sender = {
    id: SENDER,
    phoneNumberId: PHONE_NUMBER_ID,
    wabaId: WABA_ID,
    accessTokenEnv: 'WA_TOKEN_DEMO',
    messagesPerSecond: MESSAGES_PER_SECOND,
    baseUrl: null,
  }
  await writeFile(path, JSON.stringify([sender], null, 2))
  return path
}

/** What Meta does when a webhook address is entered in its dashboard. */
async function shakeHands(webhooks: string, verifyToken: string): Promise<void> {
  const query = new URLSearchParams({
    'hub.mode': 'subscribe',
    'hub.verify_token': verifyToken,
    'hub.challenge': '1158201444',
  })
  const answer = await fetch(`${webhooks}?${query.toString()}`)
  const text = await answer.text()
  if (text !== '1158201444') throw new Error(`the status-worker refused the handshake: ${answer.status} ${text}`)
}
