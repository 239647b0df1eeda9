import { startRedis } from '@chasqui/harness'
import { expect, test } from 'vitest'

import { durabilityWarnings } from '../src/durability.ts'
import { closeRedis, connectRedis } from '../src/redis.ts'

test('weaker settings are told with what they can lose, and the right ones are not', async () => {
  const redis = await startRedis()
  const client = connectRedis(redis.url, 'api', () => {})
  expect(await durabilityWarnings(client)).toEqual([])
  await client.config('SET', 'appendfsync', 'everysec')
  await client.config('SET', 'maxmemory-policy', 'allkeys-lru')
  expect(await durabilityWarnings(client)).toEqual([
    expect.stringMatching(/^Redis has appendfsync everysec: a power cut loses/),
    expect.stringMatching(/^Redis has maxmemory-policy allkeys-lru: Redis may throw away/),
  ])
  await client.acl('SETUSER', 'default', '-config')
  expect(await durabilityWarnings(client)).toEqual([])
  await closeRedis(client)
  await redis.stop()
})
