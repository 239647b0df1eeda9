#!lua flags=allow-oom
--[[
  One beat of the installation's heart: a counter that only grows, within an epoch that only grows. Who remembers a later
  beat of the same epoch than Redis answers knows that Redis has gone backwards. Beating twice (a replay) is harmless.

  KEYS  1 heart  2 stopped
  Returns {epoch, beat, why everything is stopped or '', why it is quarantined or ''}
]]
local beat = redis.call('HINCRBY', KEYS[1], 'beat', 1)
local heart = redis.call('HMGET', KEYS[1], 'epoch', 'quarantine')
return { tonumber(heart[1] or 0), beat, redis.call('GET', KEYS[2]) or '', heart[2] or '' }
