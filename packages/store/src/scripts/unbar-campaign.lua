#!lua flags=allow-oom
--[[
  Let a campaign be claimed again that was barred by a pause which is over; a younger pause bars it on.

  KEYS  1 campaign
  ARGV  1 token of the pause that is over  2 token of the pause in force, '' for none
  Returns 1 when it is free now, else 0
]]
if redis.call('HGET', KEYS[1], 'barredBy') ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'barredBy', ARGV[2])
  return 0
end
redis.call('HDEL', KEYS[1], 'barredBy')
return 1
