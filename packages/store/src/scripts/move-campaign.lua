#!lua
--[[
  Move a campaign from one status to another, if it is still in the first. Asked twice, it is moved once.

  KEYS  1 campaign  2 counts
  ARGV  1 from  2 to  3 reason  4 '1': only if it has recipients and its time has not passed
  Returns {now, 'moved', to} | {now, 'already', to} | {now, 'changed', status} | {now, 'missing', ''}
          | {now, 'empty', status} | {now, 'expired', status}
]]
--- @include redis-now

local now = redis_now()
local from, to = ARGV[1], ARGV[2]
local campaign = redis.call('HMGET', KEYS[1], 'status', 'notAfter', 'launchedAt')
local status = campaign[1]
if not status then return { now, 'missing', '' } end
if status == to then
  -- Whoever pauses a campaign that is held for a while makes the hold their own: it does not end by itself any more.
  if to == 'paused' and (redis.call('HGET', KEYS[1], 'resumeAt') or '') ~= '' then
    redis.call('HSET', KEYS[1], 'reason', ARGV[3], 'resumeAt', '')
  end
  return { now, 'already', to }
end
if status ~= from then return { now, 'changed', status } end

if ARGV[4] == '1' then
  if tonumber(redis.call('HGET', KEYS[2], 'recipients') or 0) == 0 then return { now, 'empty', status } end
  local not_after = tonumber(campaign[2])
  if not_after and now >= not_after then return { now, 'expired', status } end
end

redis.call('HSET', KEYS[1], 'status', to, 'reason', ARGV[3])
-- Whoever moves a campaign by hand takes it out of a hold that would have ended by itself.
redis.call('HDEL', KEYS[1], 'resumeAt')
if to == 'running' and (campaign[3] or '') == '' then redis.call('HSET', KEYS[1], 'launchedAt', now) end
if to == 'canceled' or to == 'completed' then redis.call('HSET', KEYS[1], 'endedAt', now) end
return { now, 'moved', to }
