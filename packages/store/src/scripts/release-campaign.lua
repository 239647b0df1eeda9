#!lua flags=allow-oom
--[[
  Let a campaign go on that was held for this reason, and for no other. One that an operator paused stays paused.

  KEYS  1 campaign
  ARGV  1 reason
  Returns 1 when it runs again, else 0
]]
local campaign = redis.call('HMGET', KEYS[1], 'status', 'reason')
if campaign[1] ~= 'paused' or campaign[2] ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'status', 'running', 'reason', '')
redis.call('HDEL', KEYS[1], 'resumeAt')
return 1
