#!lua flags=allow-oom
--[[
  Let the keys of a campaign that has ended go by themselves at a time. Keys that have such a time already keep it, so it
  may be asked again, also for keys that were born since. A fixed number of keys; those of the recipients are many, and
  expired one by one before their time is noted here.

  KEYS  1 campaign  2.. further keys
  ARGV  1 when they go, ms  2 until when its recipients are kept, ms; '' when that is not settled yet
  Returns 1; 0 when it has not ended
]]
local status = redis.call('HGET', KEYS[1], 'status')
if status ~= 'completed' and status ~= 'canceled' then return 0 end
if ARGV[2] ~= '' then redis.call('HSETNX', KEYS[1], 'recipientsUntil', ARGV[2]) end
for _, key in ipairs(KEYS) do
  redis.call('PEXPIREAT', key, ARGV[1], 'NX')
end
return 1
