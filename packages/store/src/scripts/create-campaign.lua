#!lua
--[[
  Write a new campaign's record. Asked twice, the first stays.

  KEYS  1 campaign
  ARGV  field, value, …
  Returns 1, or 0 when the campaign was there.
]]
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
