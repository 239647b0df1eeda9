#!lua
--[[
  Add to what failed of a sender on one day, by code. Each process numbers what it tells, so that telling it again changes
  nothing. A day holds at most 300 kinds; the others go together as code `other`.

  KEYS  1 failures of the day
  ARGV  1 who tells  2 number of this telling, from 1  3 kept for, s  then two a kind: field, by
  Returns 1, or 0 when it had been told before
]]
local told = 'told:' .. ARGV[1]
if tonumber(redis.call('HGET', KEYS[1], told) or 0) >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], told, ARGV[2])
local kinds = redis.call('HLEN', KEYS[1])
for i = 4, #ARGV, 2 do
  local field = ARGV[i]
  if redis.call('HEXISTS', KEYS[1], field) == 0 then
    if kinds >= 300 then field = string.match(field, '^%a+:') .. 'other' end
    kinds = kinds + 1
  end
  redis.call('HINCRBY', KEYS[1], field, ARGV[i + 1])
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
