#!lua
--[[
  Add numbers to a number set. Adding twice is adding once.

  KEYS  1 the set's meta  2.. pairs to split (bucket, new bucket)  then the numbers' buckets
  ARGV  1 buckets the caller believes in  2 buckets wanted  3 pairs  4 slots (two bytes a number)  5 numbers, 'n n …'
  Returns {'moved', buckets, numbers in the set}: the caller's belief is out of date, nothing was added
          {'halted', buckets, numbers in the set}: the set cannot grow that far, nothing was added; ask without growth
          {'added', buckets, numbers in the set, how many are new}
]]
--- @include number-set

local meta = redis.call('HMGET', KEYS[1], 'buckets', 'count')
local buckets, count = tonumber(meta[1] or 0), tonumber(meta[2] or 0)
local from, to, pairs_given = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if buckets ~= from then return { 'moved', buckets, count } end

buckets = grow(KEYS[1], from, to, 2)
if buckets ~= math.max(from, to) then return { 'halted', buckets, count } end

local slot = slot_reader(ARGV[4], 1 + pairs_given * 2)
local added = 0
local i = 0
for number in string.gmatch(ARGV[5], '%d+') do
  i = i + 1
  added = added + redis.call('SADD', KEYS[slot(i)], number)
end
if added > 0 then count = redis.call('HINCRBY', KEYS[1], 'count', added) end
return { 'added', buckets, count, added }
