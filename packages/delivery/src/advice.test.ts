import { expect, test } from 'vitest'

import { explain } from './advice.ts'
import { ERROR_TABLE, meaningOf } from './error-table.ts'

test('every code of the table is explained, in its own meaning and with something to do', () => {
  for (const { code, through, meaning } of ERROR_TABLE) {
    for (const each of [code, through]) {
      if (each === 0) continue
      expect(explain(each).meaning).toBe(meaning)
      expect(explain(each).whatToDo.length).toBeGreaterThan(10)
    }
  }
})

test.each([
  [131_026, 'take the number out of the list'],
  [131_042, 'payment'],
  [190, 'access token'],
  [131_031, 'Business Suite'],
  [133_010, 'WhatsApp Manager'],
  [131_052, 'compare'],
])('%i asks for the right thing', (code, words) => {
  expect(explain(code).whatToDo).toContain(words)
})

test('a code that nobody knows, and no code at all, are said to be that', () => {
  expect(explain(999_999).meaning).toBe(meaningOf(999_999))
  expect(explain(0).meaning).toContain('named no reason')
})
