#!lua flags=allow-oom
--[[
  One process' beat: a counter of its own that only grows, within an epoch that only grows. A process that is answered a
  beat it has had before knows that Redis has gone backwards; a counter shared with others could have been driven on
  past it by them. A counter that lies behind what its process remembers stays there, or beats that are sent again after
  a reconnect would drive it past. Beating twice (a replay) is harmless.

  KEYS  1 heart  2 stopped  3 this process' beat
  ARGV  1 how long the beat of a silent process is kept, ms  2 the epoch it remembers  3 the beat it remembers
  Returns {epoch, beat, why everything is stopped or '', why it is quarantined or ''}
]]
local heart = redis.call('HMGET', KEYS[1], 'epoch', 'quarantine')
local epoch = tonumber(heart[1] or 0)
local beat = tonumber(redis.call('GET', KEYS[3]) or 0)
if epoch > tonumber(ARGV[2]) or beat >= tonumber(ARGV[3]) then
  beat = redis.call('INCR', KEYS[3])
  redis.call('PEXPIRE', KEYS[3], ARGV[1])
end
return { epoch, beat, redis.call('GET', KEYS[2]) or '', heart[2] or '' }
