export { Keys } from './keys.ts'
export { closeRedis, connectRedis } from './redis.ts'
export type { ConnectionRole, RedisClient } from './redis.ts'
