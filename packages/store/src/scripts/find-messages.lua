#!lua flags=no-writes
--[[
  Which recipients messages belong to, by the hashes of their ids; what is not known is only said to be so.

  KEYS  1 book
  ARGV  1 key of the hashes  2 hashes, 8 bytes each
  Returns {'found', then for each 'campaign ordinal attempt' or '', fewer than asked for when the step would get long}
          | {'key', the key that hashes must be made with}
]]
--- @include message-book

local known = redis.call('HGET', KEYS[1], 'key')
if known and known ~= ARGV[1] then return { 'key', known } end
local first, last = segments_of(KEYS[1])
local find = finder(KEYS[1], first, last)
local reply = { 'found' }
for at = 1, math.min(#ARGV[2], 8 * looks_for(first, last)), 8 do
  reply[#reply + 1] = find(string.sub(ARGV[2], at, at + 7)) or ''
end
return reply
