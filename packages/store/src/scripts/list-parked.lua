#!lua
--[[
  Parked statuses that something can be done about: those whose id is known by now, and those that have waited for too long.

  KEYS  1 book  2 parked  3 since  4 ready
  ARGV  1 ids, at most  2 waited for too long, ms
  Returns a list of {id (hex), parked since, 'campaign ordinal attempt' or '', bodies …}
]]
--- @include redis-now
--- @include message-book

local first, last = segments_of(KEYS[1])
local find = finder(KEYS[1], first, last)
local most = math.min(tonumber(ARGV[1]), looks_for(first, last))
local overdue = string.format('%.0f', redis_now() - tonumber(ARGV[2]))
local ids = redis.call('SRANDMEMBER', KEYS[4], most)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', overdue, 'LIMIT', 0, most)) do ids[#ids + 1] = id end

local list = {}
for _, id in ipairs(ids) do
  local parked, since = redis.call('HGET', KEYS[2], id), redis.call('ZSCORE', KEYS[3], id)
  if parked and since then
    local hex = string.gsub(id, '.', function(byte) return string.format('%02x', string.byte(byte)) end)
    local entry = { hex, since, find(id) or '' }
    local bodies = cmsgpack.unpack(parked)
    for j = 2, #bodies, 2 do entry[#entry + 1] = bodies[j] end
    list[#list + 1] = entry
  else
    redis.call('SREM', KEYS[4], id)
  end
end
return list
