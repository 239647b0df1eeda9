// @boundaries-ignore infra/dev is plain JavaScript outside any package, because it runs before anything is installed
import { startPrivateRedis, type PrivateRedis, type RedisOptions } from '../../dev/redis.mjs'

export type { PrivateRedis, RedisOptions }

/**
 * A private Redis on a free port with its own data folder: `appendonly yes`, `appendfsync always`, `noeviction`.
 *
 * It ends with this process, however that ends; `stop()` ends it earlier and removes the data.
 * @throws NoRedisError when this machine has none and none can be had
 */
export async function startRedis(options: RedisOptions = {}): Promise<PrivateRedis> {
  return startPrivateRedis(options)
}
