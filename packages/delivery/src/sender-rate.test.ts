import { expect, test } from 'vitest'

import { rateInForce } from './sender-rate.ts'
import type { RateWords } from './sender-rate.ts'

const SAID: RateWords = { configured: 80, cap: null, override: null, learned: null, learnedOver: null }

test.each<[string, Partial<RateWords>, number, string]>([
  ['what is configured', {}, 80, 'senders_file'],
  ['what was learned', { learned: 1_000 }, 1_000, 'throughput_upgrade'],
  [
    'what was learned, as long as the file says the same',
    { learned: 1_000, learnedOver: 80 },
    1_000,
    'throughput_upgrade',
  ],
  ['the file, once somebody changed it after that', { learned: 1_000, learnedOver: 60 }, 80, 'senders_file'],
  ['an operator’s word over all', { learned: 1_000, override: 5 }, 5, 'override'],
  ['the cap over what was learned', { learned: 1_000, cap: 300 }, 300, 'cap'],
  ['the cap over an operator’s word', { override: 500, cap: 300 }, 300, 'cap'],
  ['what is below the cap', { cap: 300 }, 80, 'senders_file'],
])('in force is %s', (_name, said, messagesPerSecond, origin) => {
  expect(rateInForce({ ...SAID, ...said })).toEqual({ messagesPerSecond, origin })
})
