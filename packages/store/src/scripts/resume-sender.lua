#!lua flags=allow-oom
--[[
  Lift a sender's pause, if it is still the one that was read: a replay must not lift one that was given since.

  KEYS  1 blocks
  ARGV  1 the pause, as read
  Returns 1 when this lifted it, else 0
]]
if redis.call('HGET', KEYS[1], 'paused') ~= ARGV[1] then return 0 end
return redis.call('HDEL', KEYS[1], 'paused')
