import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, expect, test } from 'vitest'

import { readSettings } from './settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'chasqui-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('without a word, the producer of this machine without a key', () => {
  expect(readSettings({})).toEqual({ url: new URL('http://127.0.0.1:3000'), key: null })
  expect(readSettings({ CHASQUI_URL: '', CHASQUI_API_KEY: '' })).toEqual(readSettings({}))
})

test('a key may lie in a file', () => {
  const file = join(folder, 'key')
  writeFileSync(file, 'sesame\n')
  expect(readSettings({ CHASQUI_URL: 'https://chasqui.example/base', CHASQUI_API_KEY_FILE: file })).toEqual({
    url: new URL('https://chasqui.example/base'),
    key: 'sesame',
  })
})

test.each([
  [{ CHASQUI_URL: 'localhost:3000' }, /CHASQUI_URL.*"localhost:3000"/],
  [{ CHASQUI_URL: 'ftp://x' }, /CHASQUI_URL/],
  [{ CHASQUI_URL: 'http://user:secret@x' }, /CHASQUI_URL/],
  [{ CHASQUI_API_KEY: 'two words' }, /CHASQUI_API_KEY.*not shown/],
  [{ CHASQUI_API_KEY: 'a\nb' }, /CHASQUI_API_KEY/],
  [{ CHASQUI_API_KEY_FILE: '/nowhere/at/all' }, /CHASQUI_API_KEY_FILE.*cannot be read/],
])('%j is refused by name', (env, message) => {
  expect(() => readSettings(env)).toThrow(message)
})

test('a key that is wrong is never shown', () => {
  expect(() => readSettings({ CHASQUI_API_KEY: 'hunter2 ' })).toThrow(expect.not.stringContaining('hunter2') as string)
})
