import { expect, test } from 'vitest'

import { formOf } from './source.ts'

test.each([
  ['recipients.csv', 'csv', false],
  ['/tmp/a.b/Recipients.CSV', 'csv', false],
  ['recipients.csv.gz', 'csv', true],
  ['recipients.ndjson', 'ndjson', false],
  ['recipients.jsonl.GZ', 'ndjson', true],
  ['recipients.json', 'json', false],
])('%s is %s', (name, format, gzip) => {
  expect(formOf(name)).toEqual({ format, gzip })
})

test.each(['recipients', 'recipients.txt', 'recipients.gz', 'csv', '', 'csv.gz/recipients'])(
  '%j does not tell',
  (name) => {
    expect(formOf(name)).toBeNull()
  },
)
