#!lua
--[[
  Take numbers out of a number set. Buckets are not merged again.

  KEYS  1 the set's meta  2.. the numbers' buckets
  ARGV  1 buckets the caller believes in  2 slots (two bytes a number)  3 numbers, 'n n …'
  Returns {'moved', buckets} or {'removed', buckets, how many were in it}
]]
--- @include number-set

local buckets = tonumber(redis.call('HGET', KEYS[1], 'buckets') or 0)
if buckets ~= tonumber(ARGV[1]) then return { 'moved', buckets } end
local slot = slot_reader(ARGV[2], 1)
local removed = 0
local i = 0
for number in string.gmatch(ARGV[3], '%d+') do
  i = i + 1
  removed = removed + redis.call('SREM', KEYS[slot(i)], number)
end
if removed > 0 then redis.call('HINCRBY', KEYS[1], 'count', -removed) end
return { 'removed', buckets, removed }
