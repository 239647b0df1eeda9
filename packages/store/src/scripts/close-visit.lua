#!lua flags=allow-oom
--[[
  A visit of a chunk has ended: note when somebody should look at it next, or take it off the agenda when nothing is left
  to do. Reads states and writes the agenda only, so doing it twice changes nothing.

  KEYS  1 states  2 retries  3 leases  4 agenda
  ARGV  1 chunk  2 look again after, ms, where recipients are free to be claimed but were not
  Returns {now, recipients free, recipients waiting, recipients sending, when to look next in ms (0: never)}
]]
--- @include redis-now
--- @include chunk-bytes

local now = redis_now()
local chunk = tonumber(ARGV[1])
local text = read_text(KEYS[1], chunk)
-- Most visits leave nothing to do: holes, and first attempts that were accepted, rejected or suppressed, or held none back.
local states = string.find(text, '[^\21%z\22\24\8]') and { string.byte(text, 1, -1) } or {}
local free, waiting, sending, next_look = 0, 0, 0, nil
local function sooner(at)
  if not next_look or at < next_look then next_look = at end
end
for row = 0, #states - 1 do
  local state = states[row + 1] % 16
  if state == 1 then
    free = free + 1
  elseif state == 2 then
    waiting = waiting + 1
    sooner(tonumber(redis.call('ZSCORE', KEYS[2], chunk * CHUNK_ROWS + row) or now))
  elseif state == 3 then
    sending = sending + 1
  end
end
if free > 0 then sooner(now + tonumber(ARGV[2])) end
if sending > 0 then
  -- The reaper decides about them when a lease dies; the chunk is looked at after that.
  local leases = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
  sooner(math.max(now + 1000, tonumber(leases[2] or now)))
end
if next_look then
  redis.call('ZADD', KEYS[4], next_look, chunk)
else
  redis.call('ZREM', KEYS[4], chunk)
end
return { now, free, waiting, sending, next_look or 0 }
