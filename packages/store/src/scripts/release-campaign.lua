#!lua flags=allow-oom
--[[
  Let a campaign go on that was held for one of these reasons, and for no other. One that an operator paused stays paused.

  KEYS  1 campaign
  ARGV  reasons
  Returns 1 when it runs again, else 0
]]
local campaign = redis.call('HMGET', KEYS[1], 'status', 'reason')
if campaign[1] ~= 'paused' then return 0 end
for _, reason in ipairs(ARGV) do
  if campaign[2] == reason then
    redis.call('HSET', KEYS[1], 'status', 'running', 'reason', '')
    redis.call('HDEL', KEYS[1], 'resumeAt')
    return 1
  end
end
return 0
