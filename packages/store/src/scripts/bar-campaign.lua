#!lua flags=allow-oom
--[[
  Keep a campaign from being claimed while its sender is paused, whatever its own status: slots handed out before the
  pause may still be on their way to a claim. The youngest pause stays.

  KEYS  1 campaign  2 counts
  ARGV  1 token of the pause
  Returns recipients that are claimed at this moment; -1: there is no such campaign
]]
local campaign = redis.call('HMGET', KEYS[1], 'status', 'barredBy')
if not campaign[1] then return -1 end
if (campaign[2] or '') < ARGV[1] then redis.call('HSET', KEYS[1], 'barredBy', ARGV[1]) end
return tonumber(redis.call('HGET', KEYS[2], 'sending') or 0)
