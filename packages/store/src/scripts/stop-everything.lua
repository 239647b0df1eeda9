#!lua flags=allow-oom
--[[
  The kill switch. Asked twice, the first order stays, with who gave it and why.

  KEYS  1 stopped
  ARGV  1 why  2 who
  Returns the order in force
]]
--- @include redis-now

local order = redis.call('GET', KEYS[1])
if order then return order end
order = cjson.encode({ why = ARGV[1], who = ARGV[2], since = redis_now() })
redis.call('SET', KEYS[1], order)
return order
