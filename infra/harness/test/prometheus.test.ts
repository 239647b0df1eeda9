import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { obtainPrometheus } from '../src/index.ts'

const run = promisify(execFile)

test('prometheus and promtool run', { timeout: 180_000 }, async () => {
  const { prometheus, promtool } = await obtainPrometheus()
  for (const program of [prometheus, promtool]) expect((await run(program, ['--version'])).stdout).toMatch(/version/)
})
