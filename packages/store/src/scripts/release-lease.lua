#!lua flags=allow-oom
--[[
  Let a lease go, if it is still the holder's.

  KEYS  1 lease
  ARGV  1 holder
  Returns 1 when it was, else 0
]]
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1
