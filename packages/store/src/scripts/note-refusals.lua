#!lua flags=allow-oom
--[[
  Note request errors of a campaign, and hold it when they have become a run: errors of one code with nobody accepted in
  between, told by whatever processes. The model is noteRefusals in packages/delivery. Each process numbers what it tells,
  so that telling it again changes nothing.

  KEYS  1 campaign  2 counts  3 refusals
  ARGV  1 who tells  2 number of this telling, from 1  3 code  4 errors  5 the first of them was claimed at, ms
        6 longest run while nobody was accepted  7 longest run behind that  8 reason of the hold
        9 held for, ms; '': until somebody resumes it  10 kept for, s
  Returns {now, 1 when this held it, when it last stood still, ms; 0: never}
]]
--- @include redis-now

local now = redis_now()
local heard = 'heard:' .. ARGV[1]
local known = redis.call('HMGET', KEYS[3], heard, 'stoodStillAt', 'seenAccepted', 'provenFrom')
local stood_still = tonumber(known[2] or 0)
if tonumber(known[1] or 0) >= tonumber(ARGV[2]) then return { now, 0, stood_still } end
redis.call('HSET', KEYS[3], heard, ARGV[2])
redis.call('EXPIRE', KEYS[3], ARGV[10])

local accepted = tonumber(redis.call('HGET', KEYS[2], 'accepted') or 0)

local function forget_runs()
  for _, field in ipairs(redis.call('HKEYS', KEYS[3])) do
    if string.sub(field, 1, 5) == 'code:' then redis.call('HDEL', KEYS[3], field) end
  end
end

local function stand_still()
  forget_runs()
  redis.call('HSET', KEYS[3], 'stoodStillAt', now, 'provenFrom', accepted)
end

if redis.call('HGET', KEYS[1], 'status') ~= 'running' then
  stand_still()
  return { now, 0, now }
end
if tonumber(ARGV[5]) <= stood_still then return { now, 0, stood_still } end
if accepted ~= tonumber(known[3] or 0) then
  forget_runs()
  redis.call('HSET', KEYS[3], 'seenAccepted', accepted)
end
local run = redis.call('HINCRBY', KEYS[3], 'code:' .. ARGV[3], ARGV[4])
local proven = accepted ~= tonumber(known[4] or 0)
if run < tonumber(proven and ARGV[7] or ARGV[6]) then return { now, 0, stood_still } end
local resume_at = ''
if ARGV[9] ~= '' then resume_at = string.format('%.0f', now + tonumber(ARGV[9])) end
redis.call('HSET', KEYS[1], 'status', 'paused', 'reason', ARGV[8], 'resumeAt', resume_at)
stand_still()
return { now, 1, now }
