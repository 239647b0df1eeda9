#!lua flags=allow-oom
--[[
  One process' beat: a counter of its own that only grows, within an epoch that only grows. A process that is answered a
  beat it has had before knows that Redis has gone backwards; a counter shared with others could have been driven on
  past it by them. Beating twice (a replay) is harmless.

  KEYS  1 heart  2 stopped  3 this process' beat
  ARGV  1 how long the beat of a silent process is kept, ms
  Returns {epoch, beat, why everything is stopped or '', why it is quarantined or ''}
]]
local beat = redis.call('INCR', KEYS[3])
redis.call('PEXPIRE', KEYS[3], ARGV[1])
local heart = redis.call('HMGET', KEYS[1], 'epoch', 'quarantine')
return { tonumber(heart[1] or 0), beat, redis.call('GET', KEYS[2]) or '', heart[2] or '' }
