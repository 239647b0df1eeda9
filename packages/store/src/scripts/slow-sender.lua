#!lua flags=allow-oom
--[[
  The endpoint said that the sender is too fast (130429), or that it should rest. Multiplicative decrease, at most once a
  second, however many messages heard it; the climb back lies in grant-slots.

  KEYS  1 rate
  ARGV  1 'throttle' or 'rest'  2 rest for, ms
  Returns {now, factor of the limit now in force * 1000}
]]
--- @include redis-now

local now = redis_now()
local rate = redis.call('HMGET', KEYS[1], 'factor', 'changed', 'restUntil')
local factor = tonumber(rate[1] or 1)
local changed = tonumber(rate[2] or 0)
if factor < 1 then factor = math.min(1, factor + (now - changed) / 1000 * 0.05) end
if ARGV[1] == 'throttle' and now - changed > 1000 then
  factor = math.max(factor * 0.7, 0.02)
  redis.call('HSET', KEYS[1], 'factor', tostring(factor), 'changed', now)
end
local rest_until = math.max(tonumber(rate[3] or 0), now + tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], 'restUntil', rest_until)
return { now, math.floor(factor * 1000) }
