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
  local states = read_bytes(KEYS[1], tonumber(chunks[i]))
  for row = 0, #states - 1 do
    if states[row + 1] % 16 == 1 then return { tonumber(chunks[i]), row } end
  end
end
return {}
