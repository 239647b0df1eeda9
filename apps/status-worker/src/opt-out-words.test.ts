import { expect, test } from 'vitest'

import { isOptOut, optOutWords } from './opt-out-words.ts'

const WORDS = optOutWords(['STOP', 'não quero', 'Schluss', 'Στοπ', 'ΤΕΛΟΣ']) ?? new Set()

test.each([
  'stop',
  ' Stop\n',
  'ＳＴＯＰ',
  'NÃO QUERO',
  'na\u0303o quero',
  'schluß',
  'στοπ',
  'τέλος'.normalize('NFD').replace('\u0301', ''),
])('%j is one', (text) => {
  expect(isOptOut(WORDS, text)).toBe(true)
})

test.each(['please stop', 'stop it', 'st op', '', 'nao quero', 'stop'.repeat(100), null])('%j is none', (text) => {
  expect(isOptOut(WORDS, text)).toBe(false)
})

test('without words nothing is one, and an empty or endless one is a mistake', () => {
  expect(isOptOut(new Set(), 'stop')).toBe(false)
  expect(optOutWords(['stop', ' '])).toBeNull()
  expect(optOutWords(['x'.repeat(201)])).toBeNull()
})
