#!lua flags=allow-oom
--[[
  Stop a running campaign because every message of it would fail alike; with a time, it goes on by itself then.

  KEYS  1 campaign
  ARGV  1 reason  2 resume at, ms; '' when somebody has to resume it
  Returns 1 when this held it, else 0
]]
if redis.call('HGET', KEYS[1], 'status') ~= 'running' then return 0 end
redis.call('HSET', KEYS[1], 'status', 'paused', 'reason', ARGV[1], 'resumeAt', ARGV[2])
return 1
