#!lua
--[[
  Take the messages of one chunk that have outlived their template's TTL for undelivered, if they had by the time asked
  about. The chunk is off the list then, so asking again changes nothing. The model of this script, with the decisions
  behind it, is packages/delivery/src/undelivered.ts.

  KEYS  1 counts  2 states  3 facts  4 lapses
  ARGV  1 chunk  2 until, ms  3 '1': nothing can fall back to Cloud API, where the TTL does not hold
  Returns messages taken for undelivered by this
]]
--- @include counts
--- @include delivery-view
--- @include chunk-bytes

local chunk, strict = tonumber(ARGV[1]), ARGV[3] == '1'
local ends = redis.call('ZSCORE', KEYS[4], chunk)
-- Claimed again meanwhile, or looked at by another process.
if not ends or tonumber(ends) > tonumber(ARGV[2]) then return 0 end

local states, facts = read_bytes(KEYS[2], chunk), read_bytes(KEYS[3], chunk)
-- Where the string of facts ends, nothing is known.
for row = #facts + 1, #states do facts[row] = 0 end
local changed, inferred, first, last = {}, 0, nil, nil
for row = 1, #states do
  local known = facts[row]
  -- 14: delivered, read, failed. 64 and 128: the marketing route, the fallback.
  local lite = has_fact(known, 64)
  local told = bit.band(known, 14) ~= 0 or has_fact(known, 32)
  if states[row] % 16 == 5 and not told and (lite or strict and not has_fact(known, 128)) then
    facts[row] = known + 32
    changed[known] = (changed[known] or 0) + 1
    inferred = inferred + 1
    first, last = first or row, row
  end
end
if first then write_bytes(KEYS[3], chunk, facts, first - 1, last - 1) end
for known, messages in pairs(changed) do count_view(known, known + 32, messages) end
write_counts(KEYS[1])
redis.call('ZREM', KEYS[4], chunk)
return inferred
