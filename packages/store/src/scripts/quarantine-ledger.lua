#!lua flags=allow-oom
--[[
  Nothing is claimed from a ledger that has gone backwards. The first reason stays until somebody releases it.

  KEYS  1 heart
  ARGV  1 why  2 who saw it
  Returns 1 when this quarantined it, else 0
]]
--- @include redis-now

if redis.call('HSETNX', KEYS[1], 'quarantine', ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'quarantineBy', ARGV[2], 'quarantineSince', redis_now())
return 1
