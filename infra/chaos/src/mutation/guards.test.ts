import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { MUTATIONS } from './guards.ts'
import { ROOT } from './tree.ts'

test.each(MUTATIONS)('the guard stands where guards.ts says: $guard ($where)', async ({ edits }) => {
  for (const { file, from } of edits) {
    const places = (await readFile(join(ROOT, file), 'utf8')).split(from).length - 1
    expect([file, from, places], 'whoever moves a guard tells guards.ts, and runs it').toEqual([file, from, 1])
  }
})
