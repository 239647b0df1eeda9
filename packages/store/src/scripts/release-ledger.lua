#!lua flags=allow-oom
--[[
  Trust the ledger as it is now: a new epoch begins, in which workers forget what they remember of it. Where nothing is
  quarantined nothing happens, so asking twice is asking once.

  KEYS  1 heart
  ARGV  1 why  2 who
  Returns 1 when this released it, else 0
]]
--- @include redis-now

local heart = redis.call('HMGET', KEYS[1], 'quarantine', 'quarantineBy', 'quarantineSince')
if not heart[1] then return 0 end
redis.call('HDEL', KEYS[1], 'quarantine', 'quarantineBy', 'quarantineSince')
redis.call('HINCRBY', KEYS[1], 'epoch', 1)
redis.call('HSET', KEYS[1], 'released', cjson.encode({
  why = ARGV[1],
  who = ARGV[2],
  at = redis_now(),
  quarantine = heart[1],
}))
return 1
