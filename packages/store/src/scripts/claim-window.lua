#!lua
--[[
  Claim up to a window of one chunk's recipients, before any POST: they become `sending` under a token and a lease.
  Only pending ones (or waiting ones whose time has come) of a running campaign whose sender is not paused, before its
  last safe moment, by Redis' clock. Asked again under the same token, it gives the same answer; asked seconds late (a
  command that lay in a dead connection), it does nothing. A ledger that has forgotten claims of the caller's has gone backwards: it gives nothing.

  KEYS  1 campaign  2 counts  3 states  4 facts  5 claims  6 leases  7 retries  8 agenda  9 claimants  10 lapses
  ARGV  1 token  2 chunk  3 first row to look at  4 most rows  5 when the caller asked, ms  6 refused when older, ms
        7 lease, ms  8 last safe moment is this much before notAfter, ms
        9 who asks  10 how many claims of this campaign it knows itself to have made
  Returns {now, 'claimed', 'row:attempt,…', next row to look at, which of its claims this is} ; the list may be empty,
            next row 500 = chunk is through; 0: nothing was claimed
          {now, 'late'} | {now, 'expired'} | {now, 'stopped', status} | {now, 'backwards'}
]]
--- @include redis-now
--- @include counts
--- @include delivery-view
--- @include chunk-bytes

local now = redis_now()
local token, chunk = ARGV[1], tonumber(ARGV[2])
local held = redis.call('HGET', KEYS[5], token)
if held then
  local serial, list = string.match(held, ';(%d+);([^;]*)$')
  local last = string.match(list, '(%d+):%d+$')
  return { now, 'claimed', list, tonumber(last) + 1, tonumber(serial) }
end
if tonumber(redis.call('HGET', KEYS[9], ARGV[9]) or 0) < tonumber(ARGV[10]) then return { now, 'backwards' } end
if now - tonumber(ARGV[5]) > tonumber(ARGV[6]) then return { now, 'late' } end

local campaign = redis.call('HMGET', KEYS[1], 'status', 'notAfter', 'ttl', 'barredBy')
if campaign[1] ~= 'running' then return { now, 'stopped', campaign[1] or 'missing' } end
if campaign[4] then return { now, 'stopped', 'sender_paused' } end
local not_after = tonumber(campaign[2])
if not_after and now + tonumber(ARGV[8]) > not_after then return { now, 'expired' } end

local states, facts = read_bytes(KEYS[3], chunk), read_bytes(KEYS[4], chunk)
local most, row = tonumber(ARGV[4]), tonumber(ARGV[3])
local list, first, last, serial = {}, nil, nil, 0
while row < #states and #list < most do
  local byte = states[row + 1]
  local state, attempts = byte % 16, math.floor(byte / 16)
  local free = state == 1
  if state == 2 then
    local due = redis.call('ZSCORE', KEYS[7], chunk * CHUNK_ROWS + row)
    free = not due or tonumber(due) <= now
  end
  -- Facts would prove that the endpoint already has this message; the fold has settled such a row, so this is a seatbelt.
  if free and (facts[row + 1] or 0) % 32 == 0 and attempts < 15 then
    states[row + 1] = 3 + (attempts + 1) * 16
    if state == 2 then redis.call('ZREM', KEYS[7], chunk * CHUNK_ROWS + row) end
    list[#list + 1] = row .. ':' .. (attempts + 1)
    first, last = first or row, row
  end
  row = row + 1
end

if #list > 0 then
  write_bytes(KEYS[3], chunk, states, first, last)
  local text = table.concat(list, ',')
  serial = redis.call('HINCRBY', KEYS[9], ARGV[9], 1)
  redis.call('HSET', KEYS[5], token, string.format('%d;%.0f;%d;', chunk, now, serial) .. text)
  redis.call('ZADD', KEYS[6], now + tonumber(ARGV[7]), token)
  redis.call('ZADD', KEYS[8], now + tonumber(ARGV[7]), chunk)
  -- Whatever of this is accepted has outlived its template's TTL by then.
  local ttl = tonumber(campaign[3])
  if ttl then redis.call('ZADD', KEYS[10], 'GT', now + tonumber(ARGV[7]) + ttl, chunk) end
  count('pending', -#list)
  count('sending', #list)
  write_counts(KEYS[2])
end
if row >= #states then row = CHUNK_ROWS end
return { now, 'claimed', table.concat(list, ','), row, serial }
