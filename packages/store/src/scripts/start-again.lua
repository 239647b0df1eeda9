#!lua flags=allow-oom
--[[
  Lift the kill switch, if it is still the order that was read: a replay must not lift one that was given since.

  KEYS  1 stopped
  ARGV  1 the order, as read
  Returns 1 when this lifted it, else 0
]]
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
