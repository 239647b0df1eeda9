import { expect, test } from 'vitest'
import { differences } from '../installed.mjs'

const lock = {
  packages: {
    '': { version: '0.1.0' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/@chasqui/b': { resolved: 'packages/b', link: true },
    'node_modules/c-darwin': { version: '2.0.0', optional: true },
  },
}

const installed = (packages: Record<string, object>) => ({
  packages: { 'node_modules/a': { version: '1.0.0' }, 'node_modules/@chasqui/b': { link: true }, ...packages },
})

test("another platform's package may be missing", () => {
  expect(differences(lock, installed({}))).toBe(0)
  expect(differences(lock, installed({ 'node_modules/c-darwin': { version: '2.0.0' } }))).toBe(0)
})

test('another version is a difference, also of an optional package', () => {
  expect(differences(lock, installed({ 'node_modules/a': { version: '1.0.1' } }))).toBe(1)
  expect(differences(lock, installed({ 'node_modules/c-darwin': { version: '1.9.0' } }))).toBe(1)
})

test('a missing and a forgotten package are differences', () => {
  expect(differences(lock, { packages: {} })).toBe(2)
  expect(differences(lock, installed({ 'node_modules/gone': { version: '1.0.0' } }))).toBe(1)
})
