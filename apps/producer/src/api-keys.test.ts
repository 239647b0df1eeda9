import { createHash } from 'node:crypto'

import { describe, expect, test } from 'vitest'

import { callerOf, parseApiKeys } from './api-keys.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

describe('API keys', () => {
  test('are read as pairs of name and digest', () => {
    expect(parseApiKeys('')).toEqual([])
    expect(parseApiKeys(` crm:${sha256('a')} ,ops:${sha256('b').toUpperCase()}`)?.map(({ name }) => name)).toEqual([
      'crm',
      'ops',
    ])
  })

  test.each(['crm', 'crm:', `crm:${'a'.repeat(63)}`, `c m:${sha256('a')}`, `x:${sha256('a')},x:${sha256('b')}`])(
    '%s is refused',
    (text) => {
      expect(parseApiKeys(text)).toBeNull()
    },
  )

  test('tell who calls', () => {
    const keys = parseApiKeys(`crm:${sha256('a')},ops:${sha256('b')}`) ?? []
    expect(callerOf('Bearer a', keys)).toBe('crm')
    expect(callerOf('bearer  b', keys)).toBe('ops')
    for (const header of [
      undefined,
      '',
      'a',
      'Bearer',
      'Bearer ',
      'Bearer c',
      'Bearer a b',
      `Bearer ${'a'.repeat(600)}`,
    ])
      expect(callerOf(header, keys)).toBeNull()
  })
})
