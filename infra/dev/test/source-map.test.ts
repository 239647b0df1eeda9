import { expect, test } from 'vitest'
import { readSource, resolveImport } from '../source-map.ts'

const TEXT = `
import { a, type B, c as d } from './one.ts'
import type { E } from '@chasqui/store'
import whole, { part } from 'whole'
import * as everything from './two.ts'
import './effect.ts'
import {
  f,
  g,
} from './three.ts'
export { h, i as j, type K } from './four.ts'
export * from './five.ts'
export const l = 1
export async function m() { return import('./later.ts') }
export class N {}
export type O = string
const p = new URL('./worker.ts', import.meta.url)
`

test('imports are read with the names at their origin', () => {
  const { imports, passesOn } = readSource('x.ts', TEXT)
  expect(imports).toEqual(
    expect.arrayContaining([
      { from: './one.ts', names: ['a', 'B', 'c'] },
      { from: '@chasqui/store', names: ['E'] },
      { from: 'whole', names: ['default', 'part'] },
      { from: './two.ts', names: ['*'] },
      { from: './effect.ts', names: ['*'] },
      { from: './three.ts', names: ['f', 'g'] },
      { from: './four.ts', names: ['h', 'i', 'K'] },
      { from: './later.ts', names: ['*'] },
      { from: './worker.ts', names: ['*'] },
    ]),
  )
  expect(passesOn).toEqual(['./five.ts'])
})

test('exports are the values, under the names they are given', () => {
  expect(readSource('x.ts', TEXT).exports.toSorted()).toEqual(['N', 'h', 'j', 'l', 'm'])
})

test('an import means a file beside the importer or the entry of one of our packages', () => {
  const entries = new Map([['@chasqui/store', 'packages/store/src/index.ts']])
  expect(resolveImport('../y.ts', 'a/b/x.ts', entries)).toBe('a/y.ts')
  expect(resolveImport('@chasqui/store', 'a/b/x.ts', entries)).toBe('packages/store/src/index.ts')
  expect(resolveImport('node:fs', 'a/b/x.ts', entries)).toBeNull()
})
