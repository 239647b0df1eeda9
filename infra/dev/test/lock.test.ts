import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnApp, type App } from '@chasqui/harness'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withLock } from '../lock.mjs'

let folder: string
let path: string
const holders: App[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chasqui-lock-'))
  path = join(folder, 'deep', 'lock')
})

afterEach(async () => {
  await Promise.all(holders.splice(0).map((holder) => holder.stop(0)))
  await rm(folder, { recursive: true, force: true })
})

async function heldByAnother(): Promise<App> {
  const app = spawnApp({ name: 'holder', script: join(import.meta.dirname, 'fixtures/hold-lock.ts'), args: [path] })
  holders.push(app)
  await app.waitFor(/locked/)
  return app
}

test('the second waits until the first lets go', async () => {
  const first = await heldByAnother()
  const order: string[] = []
  const second = withLock(path, async () => void order.push('second in'), {
    onWait: () => (order.push('second waits'), first.signal('SIGUSR2')),
  })
  await second
  await first.waitFor(/let go/)
  expect(order).toEqual(['second waits', 'second in'])
})

test('a holder that was killed does not block', async () => {
  const first = await heldByAnother()
  first.signal('SIGKILL')
  await first.exited
  expect(await withLock(path, async () => 'in')).toBe('in')
})

test('a holder that died between making the file and writing into it does not block', async () => {
  await withLock(path, async () => {})
  await writeFile(path, '')
  expect(await withLock(path, async () => 'in')).toBe('in')
})

test('work that throws lets go and leaves nothing', async () => {
  await expect(withLock(path, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(await readdir(join(folder, 'deep'))).toEqual([])
})

test('many at once go one by one', async () => {
  let inside = 0
  let most = 0
  const work = async (): Promise<void> => {
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setTimeout(resolve, 5))
    inside--
  }
  await Promise.all(Array.from({ length: 5 }, () => withLock(path, work)))
  expect(most).toBe(1)
})
