import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, obtainPrometheus, spawnApp, startRedis } from '@chasqui/harness'
import type { App, PrivateRedis } from '@chasqui/harness'
import { stringify } from 'yaml'
// @boundaries-ignore infra/dev is plain JavaScript outside any package, because it runs before anything is installed
import { findOnPath, obtainFromDebian } from '../../dev/debian.mjs'
// @boundaries-ignore plain JavaScript outside any package, because it runs before anything is installed
import { makeSecrets } from '../../docker/secrets.mjs'
import { startProgram } from './program.ts'
import type { Program } from './program.ts'
import { read, readYaml, ROOT } from './repository.ts'

/** As docker-compose.yml puts it together, on this machine's own ports: real Redis with our redis.conf and users, real apps, real Prometheus. */
export type Stack = {
  readonly redis: PrivateRedis
  readonly apiUrl: string
  readonly simulatorUrl: string
  readonly webhookUrl: string
  readonly prometheusUrl: string
  /** Of each app, by its job in prometheus.yml. */
  readonly metricsUrls: Readonly<Record<string, string>>
  readonly promtool: string
  readonly stop: () => Promise<void>
}

export type SenderLine = {
  readonly id: string
  readonly phoneNumberId: string
  readonly wabaId: string
  readonly messagesPerSecond: number
}

export async function startStack(options: {
  readonly senders: readonly SenderLine[]
  /** The simulator's configuration beyond the scenario `demo`. */
  readonly simulator: object
}): Promise<Stack> {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-stack-'))
  const stops: (() => Promise<unknown>)[] = [async () => await rm(folder, { recursive: true, force: true })]
  const stop = async (): Promise<void> => {
    for (const step of stops.reverse()) await step()
  }
  try {
    const secrets = join(folder, 'secrets')
    await makeSecrets(secrets)
    const secret = async (name: string): Promise<string> => (await readFile(join(secrets, name), 'utf8')).trim()
    const redis = await startRedis({
      config: { ...(await ourRedisSettings()), aclfile: join(secrets, 'redis-users.acl'), maxmemory: '256mb' },
    })
    stops.push(async () => await redis.stop())

    const sendersFile = join(folder, 'senders.json')
    const senders = options.senders.map((sender) => ({
      ...sender,
      accessTokenEnv: 'WA_TOKEN_BR',
      baseUrl: null,
    }))
    await writeFile(sendersFile, JSON.stringify(senders))
    const rateCard = join(folder, 'rate-card.csv')
    await writeFile(rateCard, 'country,category,price,currency,valid_from\n*,marketing_lite,0.01,USD,2020-01-01\n')
    const shared = {
      REDIS_URL: `redis://chasqui:${await secret('redis-password')}@127.0.0.1:${redis.port}`,
      SENDERS_FILE: sendersFile,
      RATE_CARD_FILE: rateCard,
      WA_TOKEN_BR_FILE: join(secrets, 'wa-token-br'),
      WEBHOOK_VERIFY_TOKEN_FILE: join(secrets, 'webhook-verify-token'),
      WEBHOOK_APP_SECRETS_FILE: join(secrets, 'webhook-app-secrets'),
      HOST: '127.0.0.1',
      PORT: '0',
      METRICS_PORT: '0',
    }
    const start = async (name: string, env: Readonly<Record<string, string>> = {}): Promise<Started> => {
      const app = spawnApp({ name, env: { ...shared, ...env } })
      stops.push(async () => await app.stop())
      return { app, ...(await app.ready()) }
    }

    const statusWorker = await start('status-worker')
    const webhookUrl = `http://127.0.0.1:${statusWorker.port}/webhooks/whatsapp`
    const simulator = await start('simulator', {
      METRICS_PORT: '',
      SIMULATOR_SCENARIO: 'demo',
      SIMULATOR_TOKENS_FILE: join(secrets, 'wa-token-br'),
      SIMULATOR_WEBHOOK_URL: webhookUrl,
      SIMULATOR_CONFIG: JSON.stringify(options.simulator),
    })
    const simulatorUrl = `http://127.0.0.1:${simulator.port}`
    const producer = await start('producer')
    const sendWorker = await start('send-worker', {
      MM_LITE_BASE_URL: `${simulatorUrl}/v25.0`,
      SEND_TIMEOUT_MS: '1000',
    })

    const exporterPort = await startExporter(redis.port, stops)
    const metricsPorts: Readonly<Record<string, number>> = {
      producer: producer.metricsPort,
      'send-worker': sendWorker.metricsPort,
      'status-worker': statusWorker.metricsPort,
      redis: exporterPort,
    }
    const { promtool, url } = await startPrometheus(folder, metricsPorts, stops)
    const { redis: _, ...apps } = metricsPorts
    return {
      redis,
      apiUrl: `http://127.0.0.1:${producer.port}`,
      simulatorUrl,
      webhookUrl,
      prometheusUrl: url,
      metricsUrls: Object.fromEntries(
        Object.entries(apps).map(([job, port]) => [job, `http://127.0.0.1:${port}/metrics`]),
      ),
      promtool,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

type Started = { readonly app: App; readonly port: number; readonly metricsPort: number }

/** infra/redis/redis.conf, without what belongs to a place. */
async function ourRedisSettings(): Promise<Record<string, string>> {
  const lines = (await read('infra/redis/redis.conf')).split('\n').filter((line) => /^[a-z]/.test(line))
  const settings = lines.map((line) => line.split(/\s+(.*)/, 2) as [string, string])
  return Object.fromEntries(settings.filter(([name]) => name !== 'dir'))
}

async function startExporter(redisPort: number, stops: (() => Promise<unknown>)[]): Promise<number> {
  const name = 'prometheus-redis-exporter'
  const command =
    (await findOnPath('redis_exporter')) ??
    (await findOnPath(name)) ??
    (await obtainFromDebian({ name: 'redis-exporter', packages: [name], program: `usr/bin/${name}` }))?.command
  if (command === undefined) throw new Error('No Redis exporter: put redis_exporter on PATH')
  const port = await freePort()
  const { services } = await readYaml<{ services: { 'redis-exporter': { command: string[] } } }>('docker-compose.yml')
  const args = services['redis-exporter'].command.map((argument) =>
    argument.replace('redis:6379', `127.0.0.1:${redisPort}`),
  )
  const exporter = await startProgram([command, ...args, `--web.listen-address=127.0.0.1:${port}`], /Providing metrics/)
  stops.push(exporter.stop)
  return port
}

type PrometheusConfig = { readonly scrape_configs: readonly { readonly job_name: string }[] }

/** Our own configuration and rules, a scrape a second, and fixed addresses in place of Docker's names. */
async function startPrometheus(
  folder: string,
  ports: Readonly<Record<string, number>>,
  stops: (() => Promise<unknown>)[],
): Promise<{ readonly promtool: string; readonly url: string }> {
  const { prometheus, promtool } = await obtainPrometheus()
  const port = await freePort()
  const { scrape_configs: jobs } = await readYaml<PrometheusConfig>('infra/prometheus/prometheus.yml')
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [join(ROOT, 'infra/prometheus/rules/*.yml')],
    scrape_configs: jobs.map(({ job_name: job }) => ({
      job_name: job,
      static_configs: [{ targets: [`127.0.0.1:${job === 'prometheus' ? port : ports[job]}`] }],
    })),
  }
  await mkdir(join(folder, 'prometheus'))
  const file = join(folder, 'prometheus.yml')
  await writeFile(file, stringify(config))
  const program: Program = await startProgram(
    [
      prometheus,
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    /Server is ready to receive web requests/,
  )
  stops.push(program.stop)
  return { promtool, url: `http://127.0.0.1:${port}` }
}
