#!lua flags=allow-oom
--[[
  The provider tells of a sender's new rate. The latest word by its own time holds; the same again changes nothing, so
  that what an operator configured since stays in force.

  KEYS  1 rate
  ARGV  1 messages a second  2 when it was said, ms
  Returns 1 when it was news, else 0
]]
if tonumber(redis.call('HGET', KEYS[1], 'learnedAt') or -1) >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'learned', ARGV[1], 'learnedAt', ARGV[2])
redis.call('HDEL', KEYS[1], 'learnedOver')
return 1
