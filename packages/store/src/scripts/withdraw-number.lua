#!lua flags=allow-oom
--[[
  Take one number out of a number set, unless another set has it too: asked and done in one step, so that nobody can add it
  to the other in between. Asked twice, it is taken out once.

  KEYS  1 the set's meta  2 the number's bucket in it  3 the other set's meta  4 the number's bucket in that
  ARGV  1 buckets the caller believes in  2 of the other  3 number
  Returns {'moved' | 'kept' | 'removed', buckets, buckets of the other}
]]
local buckets = tonumber(redis.call('HGET', KEYS[1], 'buckets') or 0)
local others = tonumber(redis.call('HGET', KEYS[3], 'buckets') or 0)
if buckets ~= tonumber(ARGV[1]) or others ~= tonumber(ARGV[2]) then return { 'moved', buckets, others } end
if redis.call('SISMEMBER', KEYS[4], ARGV[3]) == 1 then return { 'kept', buckets, others } end
if redis.call('SREM', KEYS[2], ARGV[3]) == 1 then redis.call('HINCRBY', KEYS[1], 'count', -1) end
return { 'removed', buckets, others }
