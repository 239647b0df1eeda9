#!lua flags=no-writes
--[[
  Find a recipient of a campaign that is free to be claimed: in some chunks of its agenda, taken by chance, so that those
  who ask at once do not all go to the same one. A campaign of few chunks is seen whole. Reads only.

  KEYS  1 states  2 agenda
  ARGV  1 chunks to look at
  Returns {chunk, row} of the first free one in the first chunk that has any; {} where none was found
]]
--- @include chunk-bytes

local chunks = redis.call('ZRANDMEMBER', KEYS[2], ARGV[1])
for i = 1, #chunks do
  -- Pending, after so many attempts: the lower half of the byte is 1.
  local found = string.find(read_text(KEYS[1], tonumber(chunks[i])), '[\1\17\33\49\65\81\97\113\129\145\161\177\193\209\225\241]')
  if found then return { tonumber(chunks[i]), found - 1 } end
end
return {}
