#!lua flags=allow-oom
--[[
  Whether a word about a subject is the latest there is: the last one wins by its own time, and of two at the same time the
  `stop`. Asked again about the same word, the answer is the same, so a crash between this and acting upon it loses nothing.
  Runs at full memory: an opt-out must not wait for it.

  KEYS  1 words  hash: subject -> 'time, ms:stop|resume'
  ARGV  1 subject  2 time, ms  3 'stop' or 'resume'
  Returns 1 when it is to be acted upon, 0 when a later word is known
]]
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then
  local at, value = string.match(known, '^(%d+):(%a+)$')
  if tonumber(at) > tonumber(ARGV[2]) then return 0 end
  if tonumber(at) == tonumber(ARGV[2]) and value == 'stop' and ARGV[3] == 'resume' then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. ARGV[3])
return 1
