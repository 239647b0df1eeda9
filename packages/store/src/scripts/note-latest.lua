#!lua flags=allow-oom
--[[
  Keep the latest of what is said about something; of two at the same time the first stays.

  KEYS  1 hash: subject -> value, 'subject:at' -> when it was said, ms
  ARGV  1 subject  2 value  3 when it was said, ms
  Returns 1 when it was news, else 0
]]
local at = ARGV[1] .. ':at'
if tonumber(redis.call('HGET', KEYS[1], at) or -1) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2], at, ARGV[3])
return 1
