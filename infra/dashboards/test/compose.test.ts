import { access, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
// @boundaries-ignore plain JavaScript outside any package, because it runs before anything is installed
import { makeSecrets } from '../../docker/secrets.mjs'
import { readStages, stageNamed, variablesOf } from './dockerfile.ts'
import { read, readYaml, ROOT, sourcesOf } from './repository.ts'

type Service = {
  readonly image: string
  readonly build?: { readonly context: string; readonly dockerfile: string; readonly target: string }
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string | number>>
  readonly secrets?: readonly string[]
  readonly configs?: readonly { readonly source: string; readonly target: string }[]
  readonly volumes?: readonly string[]
  readonly networks?: readonly string[]
  readonly ports?: readonly string[]
  readonly profiles?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: unknown
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly mem_limit?: string
  readonly logging?: unknown
  readonly restart?: string
}

type Compose = {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
  readonly configs: Readonly<Record<string, { readonly file: string }>>
}

const compose = await readYaml<Compose>('docker-compose.yml')
const services = Object.entries(compose.services)
const apps = services.filter(([, { build }]) => build !== undefined)
const stages = await readStages()
const exists = (path: string): Promise<boolean> =>
  access(join(ROOT, path)).then(
    () => true,
    () => false,
  )
/** `${NAME:-default}` as Compose fills it in when nothing is set. */
const byDefault = (text: string): string => text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')

test('the three apps, the simulator, Redis and those who watch are there', () => {
  expect(Object.keys(compose.services).sort()).toEqual([
    'grafana',
    'producer',
    'prometheus',
    'redis',
    'redis-exporter',
    'send-worker',
    'simulator',
    'status-worker',
  ])
  expect(compose.services['simulator']?.profiles).toEqual(['simulator'])
})

describe.each(services)('%s', (name, service) => {
  test('runs with little: read-only, no rights, bounded memory and logs, a pinned image', () => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      restart: 'unless-stopped',
    })
    expect(service.mem_limit).toBeDefined()
    expect(service.logging).toBeDefined()
    if (service.build === undefined) expect(service.image).toMatch(/:v?\d+\.\d+/)
  })

  test('is published on this host alone, unless somebody says otherwise', () => {
    for (const port of service.ports ?? []) expect(byDefault(port)).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
  })

  test('mounts only what exists and uses only what is declared', async () => {
    for (const volume of service.volumes ?? []) {
      const [source = ''] = volume.split(':')
      if (source.startsWith('./')) expect(await exists(source), source).toBe(true)
      else expect(compose.volumes).toHaveProperty(source)
    }
    for (const secret of service.secrets ?? []) expect(compose.secrets).toHaveProperty([secret])
    for (const { source } of service.configs ?? []) expect(compose.configs).toHaveProperty(source)
    for (const network of service.networks ?? []) expect(compose.networks).toHaveProperty(network)
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(compose.services, other).toHaveProperty(other)
      // Images of our own bring their health check along.
      const has = compose.services[other]?.healthcheck ?? compose.services[other]?.build
      if (condition === 'service_healthy')
        expect(has, `${other} is waited for and says nothing of its health`).toBeDefined()
    }
  })

  test('is given every secret it is pointed to, and none it does not use', () => {
    const pointed = [...Object.values(service.environment ?? {}), ...(service.command ?? [])]
      .map(String)
      .filter((value) => value.startsWith('/run/secrets/'))
      .map((value) => value.slice('/run/secrets/'.length))
    expect(pointed.sort(), name).toEqual([...(service.secrets ?? [])].sort())
  })
})

describe.each(apps)('%s', (name, service) => {
  test('is built from its target of the Dockerfile', async () => {
    expect(service.build).toEqual({ context: '.', dockerfile: 'infra/docker/Dockerfile', target: name })
    expect(stageNamed(stages, name)).toBeDefined()
  })

  test('is given only variables it knows', async () => {
    const sources = `${await sourcesOf(`apps/${name}`)}\n${await sourcesOf('packages/runtime')}`
    const senders = JSON.parse(await read('infra/docker/example.senders.json')) as { accessTokenEnv: string }[]
    const tokens = new Set(senders.map(({ accessTokenEnv }) => accessTokenEnv))
    for (const variable of Object.keys(service.environment ?? {})) {
      const base = variable.replace(/_FILE$/, '')
      const known = tokens.has(base) || [variable, base].some((word) => new RegExp(`\\b${word}:`).test(sources))
      expect(known, `${variable} is read by nobody in apps/${name}`).toBe(true)
    }
  })

  test('listens where its image says, and where the app listens by itself', async () => {
    const image = variablesOf(stages, name)
    const exposed =
      stageNamed(stages, name)
        .instructions.find((instruction) => instruction.name === 'EXPOSE')
        ?.text.split(' ') ?? []
    const sources = await sourcesOf(`apps/${name}`)
    for (const variable of ['PORT', 'METRICS_PORT']) {
      const port = service.environment?.[variable]
      expect(image.get(variable), variable).toBe(port === undefined ? undefined : String(port))
      if (port === undefined) continue
      expect(exposed).toContain(String(port))
      expect(sources, `${variable} has another default in apps/${name}`).toMatch(
        new RegExp(`\\b${variable}: port\\(${port}\\)`),
      )
    }
    for (const published of service.ports ?? []) expect(exposed).toContain(published.split(':').at(-1))
  })
})

test('Prometheus scrapes every app on its METRICS_PORT, by a name it can reach', async () => {
  type Scrape = {
    readonly job_name: string
    readonly dns_sd_configs?: readonly { readonly names: readonly string[]; readonly port: number }[]
    readonly static_configs?: readonly { readonly targets: readonly string[] }[]
  }
  const { scrape_configs: jobs } = await readYaml<{ scrape_configs: readonly Scrape[] }>(
    'infra/prometheus/prometheus.yml',
  )
  const targets = jobs.flatMap(({ dns_sd_configs: dns = [], static_configs: fixed = [] }) => [
    ...dns.flatMap(({ names, port }) => names.map((name) => `${name}:${port}`)),
    ...fixed.flatMap(({ targets: listed }) => listed),
  ])
  const metrics = apps.flatMap(([name, { environment }]) =>
    environment?.['METRICS_PORT'] === undefined ? [] : [`${name}:${environment['METRICS_PORT']}`],
  )
  expect(targets.sort()).toEqual([...metrics, '127.0.0.1:9090', 'redis-exporter:9121'].sort())
  const reach = new Set(compose.services['prometheus']?.networks)
  for (const target of targets) {
    const host = String(target.split(':')[0])
    if (host !== '127.0.0.1')
      expect(
        compose.services[host]?.networks?.some((network) => reach.has(network)),
        host,
      ).toBe(true)
  }
})

test('Grafana finds Prometheus and the dashboards', async () => {
  type Sources = { datasources: readonly { url: string; isDefault: boolean }[] }
  type Providers = { providers: readonly { options: { path: string } }[] }
  const { datasources } = await readYaml<Sources>('infra/grafana/provisioning/datasources/prometheus.yml')
  const { providers } = await readYaml<Providers>('infra/grafana/provisioning/dashboards/chasqui.yml')
  const { volumes = [], environment = {} } = compose.services['grafana'] ?? {}
  expect(datasources).toMatchObject([{ url: 'http://prometheus:9090', isDefault: true }])
  expect(volumes).toContain(`./infra/grafana/dashboards:${providers[0]?.options.path}:ro`)
  const home = String(environment['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']).split('/').at(-1)
  expect(await readdir(join(ROOT, 'infra/grafana/dashboards'))).toContain(home)
})

test('Redis writes to disk before it answers, throws nothing away, and cannot be reached from outside', async () => {
  const settings = await read('infra/redis/redis.conf')
  for (const line of [
    'appendonly yes',
    'appendfsync always',
    'no-appendfsync-on-rewrite no',
    'maxmemory-policy noeviction',
  ]) {
    expect(settings.split('\n')).toContain(line)
  }
  expect(compose.services['redis']?.networks).toEqual(['data'])
  expect(compose.services['redis']?.ports).toBeUndefined()
  expect(compose.networks['data']?.internal).toBe(true)
  expect(compose.services['redis']?.volumes).toContain('redis:/data')
})

test('every secret is made by infra/docker/secrets.mjs, once, and only its owner finds it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'chasqui-secrets-'))
  try {
    const made = await makeSecrets(folder)
    for (const [name, { file }] of Object.entries(compose.secrets)) {
      expect(file).toBe(`./infra/docker/secrets/${name}`)
      expect(made).toContain(name)
    }
    expect(await makeSecrets(folder)).toEqual([])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('the variables of simulator.env are variables of the compose file', async () => {
  const text = await read('docker-compose.yml')
  const names = [...(await read('infra/docker/simulator.env')).matchAll(/^(\w+)=/gm)].map(([, name]) => String(name))
  for (const name of names) if (name !== 'COMPOSE_PROFILES') expect(text).toContain(`\${${name}:-`)
  expect(names).toContain('COMPOSE_PROFILES')
})
