#!lua
--[[
  Move dead letters back into the log, to be folded like any webhook: taken out and put in are one step, so that none is lost
  and none goes twice. One that still leads to nobody comes back as a new letter, behind the last of these.

  KEYS  1 log  2 letters  3 index
  ARGV  1 look behind this letter  2 up to this one  3 letters looked at, at most  4 bytes moved, about
        5 only those of this reason; '' for all
  Returns {the letter to go on behind, letters moved, letters passed over, 1 when there are no more}
]]
-- What bury-letters.lua counts of an entry beside its body.
local LETTER_BYTES = 200

local behind, moved, passed, moved_bytes, over = ARGV[1], 0, 0, 0, 0
while moved + passed < tonumber(ARGV[3]) and moved_bytes < tonumber(ARGV[4]) do
  local letter = redis.call('XRANGE', KEYS[2], '(' .. behind, ARGV[2], 'COUNT', 1)[1]
  if not letter then
    over = 1
    break
  end
  behind = letter[1]
  local fields = letter[2]
  if ARGV[5] == '' or ARGV[5] == fields[2] then
    redis.call('XADD', KEYS[1], '*', fields[7], fields[8], 'at', fields[4])
    redis.call('XDEL', KEYS[2], behind)
    redis.call('HDEL', KEYS[3], fields[6])
    moved = moved + 1
    moved_bytes = moved_bytes + #fields[8] + LETTER_BYTES
  else
    passed = passed + 1
  end
end
if moved > 0 then redis.call('HINCRBY', KEYS[3], 'bytes', -moved_bytes) end
return { behind, moved, passed, over }
