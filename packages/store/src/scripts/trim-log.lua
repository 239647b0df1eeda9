#!lua flags=allow-oom
--[[
  Forget the oldest entries of the webhook log: those that are too old, and those that are too many. Never one that is not
  folded yet, however old: what is asked and what is cut is one step, so nothing can be appended and fetched in between.
  Runs at full memory, for it is what frees some.

  KEYS  1 log
  ARGV  1 consumer group  2 entries before this time, ms, are too old  3 how many entries may stay
  Returns how many were forgotten; whole nodes of the stream only, so some of them stay, and at most some FORGET_MAX of each kind:
          call again while there are more
]]
-- Freeing as many of half a MB each takes milliseconds.
local FORGET_MAX = 1000

local function earlier(left, right)
  local left_ms, left_seq = string.match(left, '^(%d+)-(%d+)$')
  local right_ms, right_seq = string.match(right, '^(%d+)-(%d+)$')
  left_ms, right_ms = tonumber(left_ms), tonumber(right_ms)
  if left_ms ~= right_ms then return left_ms < right_ms and left or right end
  return tonumber(left_seq) < tonumber(right_seq) and left or right
end

if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local delivered
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local fields = {}
  for i = 1, #group, 2 do fields[group[i]] = group[i + 1] end
  if fields['name'] == ARGV[1] then delivered = fields['last-delivered-id'] end
end
if not delivered then return 0 end

-- Everything before the oldest entry that somebody holds is folded; without one, everything that was ever fetched.
local folded = redis.call('XPENDING', KEYS[1], ARGV[1])[2] or delivered
local forgotten = redis.call('XTRIM', KEYS[1], 'MINID', '~', earlier(ARGV[2] .. '-0', folded), 'LIMIT', FORGET_MAX)
local too_many = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[3])
if too_many > 0 then
  forgotten = forgotten + redis.call('XTRIM', KEYS[1], 'MINID', '~', folded, 'LIMIT', math.min(too_many, FORGET_MAX))
end
return forgotten
