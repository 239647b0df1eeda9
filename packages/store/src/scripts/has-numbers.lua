#!lua flags=no-writes
--[[
  Which numbers are in a number set.

  KEYS  1 the set's meta  2.. the numbers' buckets
  ARGV  1 buckets the caller believes in  2 slots (two bytes a number)  3 numbers, 'n n …'
  Returns {'moved', buckets} or {'found', buckets, '0' or '1' for each number}
]]
--- @include number-set

local buckets = tonumber(redis.call('HGET', KEYS[1], 'buckets') or 0)
if buckets ~= tonumber(ARGV[1]) then return { 'moved', buckets } end
local slot = slot_reader(ARGV[2], 1)
local found = {}
local i = 0
for number in string.gmatch(ARGV[3], '%d+') do
  i = i + 1
  found[i] = redis.call('SISMEMBER', KEYS[slot(i)], number)
end
return { 'found', buckets, table.concat(found) }
