import { describe, expect, test } from 'vitest'
import { busiestCommands, parseCounters } from './redis-info.ts'

const INFO = [
  '# Memory',
  'used_memory:1048576',
  'used_memory_human:1.00M',
  'mem_clients_normal:48000',
  'mem_aof_buffer:576',
  '# Stats',
  'total_commands_processed:42',
  '# Commandstats',
  'cmdstat_config|get:calls=2,usec=1,usec_per_call=0.5',
  'cmdstat_evalsha:calls=30,usec=1,usec_per_call=0.5',
].join('\r\n')

describe('parseCounters', () => {
  test('reads the counters, and the memory without what connections and the AOF hold', () => {
    const counters = parseCounters(INFO)
    expect(counters).toMatchObject({ commands: 42, keyBytes: 1_000_000 })
    expect([...counters.callsByCommand]).toEqual([
      ['config|get', 2],
      ['evalsha', 30],
    ])
  })

  test('refuses an INFO that lacks what is asked', () => {
    expect(() => parseCounters('used_memory:1')).toThrow('total_commands_processed')
  })
})

test('busiestCommands names what was called most in between, a unit', () => {
  const later = parseCounters(INFO.replace('evalsha:calls=30', 'evalsha:calls=80') + '\r\ncmdstat_get:calls=5,usec=1')
  expect(busiestCommands(parseCounters(INFO), later, 100, 2)).toBe('evalsha 0.5, get 0.05')
})
