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
  Returns {now, 'claimed', 'first row-last row:attempt,…', next row to look at, which of its claims this is} ; the list
            may be empty, next row 500 = chunk is through; 0: nothing was claimed
          {now, 'late'} | {now, 'expired'} | {now, 'stopped', status} | {now, 'backwards'}
]]
--- @include redis-now
--- @include counts
--- @include chunk-bytes
--- @include chunk-runs
--- @include claim-rows

local FRESH, PENDING, WAITING, SENDING, ATTEMPTS_MAX = 1, 1, 2, 3, 15

local function answer(now, runs, next_row, serial)
  local list = {}
  for i, run in ipairs(runs) do list[i] = string.format('%d-%d:%d', run[1], run[2], run[3]) end
  return { now, 'claimed', table.concat(list, ','), next_row, serial }
end

local now = redis_now()
local token, chunk = ARGV[1], tonumber(ARGV[2])
local held = redis.call('HGET', KEYS[5], token)
if held then
  local _, runs, _, serial = parse_claim(held)
  return answer(now, runs, runs[#runs][2] + 1, serial)
end
if tonumber(redis.call('HGET', KEYS[9], ARGV[9]) or 0) < tonumber(ARGV[10]) then return { now, 'backwards' } end
if now - tonumber(ARGV[5]) > tonumber(ARGV[6]) then return { now, 'late' } end

local campaign = redis.call('HMGET', KEYS[1], 'status', 'notAfter', 'ttl', 'barredBy')
if campaign[1] ~= 'running' then return { now, 'stopped', campaign[1] or 'missing' } end
if campaign[4] then return { now, 'stopped', 'sender_paused' } end
local not_after = tonumber(campaign[2])
if not_after and now + tonumber(ARGV[8]) > not_after then return { now, 'expired' } end

local states, facts = read_text(KEYS[3], chunk), read_text(KEYS[4], chunk)
local most, row = tonumber(ARGV[4]), tonumber(ARGV[3])
local edit, runs, claimed = begin_edit(states), {}, 0

local function claim(first, last, attempt)
  edit_run(edit, first, last, SENDING + attempt * 16)
  add_rows(runs, first, last, attempt)
  claimed = claimed + last - first + 1
end

local function is_free(state, attempts)
  local free = state == PENDING
  if state == WAITING then
    local due = redis.call('ZSCORE', KEYS[7], chunk * CHUNK_ROWS + row)
    free = not due or tonumber(due) <= now
  end
  -- Facts would prove that the endpoint already has this message; the fold has settled such a row, so this is a seatbelt.
  return free and (string.byte(facts, row + 1) or 0) % 32 == 0 and attempts < ATTEMPTS_MAX
end

-- The first row from `row` on of which anything is told.
local function told_from()
  return (string.find(facts, '%Z', row + 1) or CHUNK_ROWS + 1) - 1
end

local told = told_from()
while row < #states and claimed < most do
  local byte = string.byte(states, row + 1)
  if told < row then told = told_from() end
  if byte == FRESH and row < told then
    -- Nearly always: as many as there are that were never tried, in one go.
    local last = math.min(same_until(states, row), row + most - claimed - 1, told - 1)
    claim(row, last, 1)
    row = last + 1
  else
    local state, attempts = byte % 16, math.floor(byte / 16)
    if is_free(state, attempts) then
      claim(row, row, attempts + 1)
      if state == WAITING then redis.call('ZREM', KEYS[7], chunk * CHUNK_ROWS + row) end
    end
    row = row + 1
  end
end

local serial = 0
if claimed > 0 then
  write_edit(KEYS[3], chunk, edit)
  serial = redis.call('HINCRBY', KEYS[9], ARGV[9], 1)
  redis.call('HSET', KEYS[5], token, format_claim(chunk, runs, now, serial))
  redis.call('ZADD', KEYS[6], now + tonumber(ARGV[7]), token)
  redis.call('ZADD', KEYS[8], now + tonumber(ARGV[7]), chunk)
  -- Whatever of this is accepted has outlived its template's TTL by then.
  local ttl = tonumber(campaign[3])
  if ttl then redis.call('ZADD', KEYS[10], 'GT', now + tonumber(ARGV[7]) + ttl, chunk) end
  count('pending', -claimed)
  count('sending', claimed)
  write_counts(KEYS[2])
end
if row >= #states then row = CHUNK_ROWS end
return answer(now, runs, row, serial)
