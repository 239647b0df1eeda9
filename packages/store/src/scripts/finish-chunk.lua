#!lua flags=allow-oom
--[[
  End what one chunk still has to send: `expired` once the campaign's last safe moment has passed, `canceled` once it is
  canceled. What is claimed or unknown is left to its own end. One bounded step of an ending campaign.

  KEYS  1 campaign  2 counts  3 states  4 retries  5 agenda
  ARGV  1 chunk  2 last safe moment is this much before notAfter, ms
  Returns {now, recipients that ended, 1 when this completed the campaign} ; {now, -1, 0} when neither holds
]]
--- @include redis-now
--- @include counts
--- @include chunk-bytes
--- @include complete-campaign

local now = redis_now()
local chunk = tonumber(ARGV[1])
local campaign = redis.call('HMGET', KEYS[1], 'status', 'notAfter')
local not_after = tonumber(campaign[2])
local state, disposition
if campaign[1] == 'canceled' then
  state, disposition = 9, 'canceled'
elseif (campaign[1] == 'running' or campaign[1] == 'paused') and not_after and now + tonumber(ARGV[2]) > not_after then
  state, disposition = 7, 'expired'
else
  return { now, -1, 0 }
end

local states = read_bytes(KEYS[3], chunk)
local ended, sending, first, last = 0, 0, nil, nil
for row = 0, #states - 1 do
  local byte = states[row + 1]
  local was = byte % 16
  if was == 1 or was == 2 then
    states[row + 1] = byte - was + state
    if was == 2 then redis.call('ZREM', KEYS[4], chunk * CHUNK_ROWS + row) end
    ended = ended + 1
    first, last = first or row, row
  elseif was == 3 then
    sending = sending + 1
  end
end
if first then write_bytes(KEYS[3], chunk, states, first, last) end
if sending == 0 then redis.call('ZREM', KEYS[5], chunk) end
count('pending', -ended)
count(disposition, ended)
write_counts(KEYS[2])
local completed = complete_campaign(KEYS[1], KEYS[2], now)
return { now, ended, completed and 1 or 0 }
