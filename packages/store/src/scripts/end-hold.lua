#!lua
--[[
  Let a held campaign go on when its time has come. One that an operator paused meanwhile stays paused.

  KEYS  1 campaign
  Returns 1 when it runs again, else 0
]]
--- @include redis-now

local campaign = redis.call('HMGET', KEYS[1], 'status', 'resumeAt')
local resume_at = tonumber(campaign[2] or '')
if campaign[1] ~= 'paused' or not resume_at or resume_at > redis_now() then return 0 end
redis.call('HSET', KEYS[1], 'status', 'running', 'reason', '')
redis.call('HDEL', KEYS[1], 'resumeAt')
return 1
