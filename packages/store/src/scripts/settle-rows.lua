#!lua flags=allow-oom
--[[
  Write down what became of claimed recipients, many in one step: state, counters, error counts and retries together, and
  only for rows that the token still holds. Asked again, it changes nothing. An acceptance that comes after the claim was
  given up is still the truth and lifts the recipient to accepted. Runs at full memory: an outcome must not be lost.

  KEYS  1 campaign  2 counts  3 states  4 facts  5 claims  6 leases  7 retries  8 unknowns
  ARGV  1 token  2 chunk  3 rows, packed, 11 bytes each, little endian: row (2)  move (1)  value (8, a double)
        moves: 1 accepted (facts)  2 rejected (code)  3 suppressed (code or 0)  4 unknown (0)  5 retry (due, ms)  6 released (0)
  Returns {now, rows settled, rows that were no longer ours, 1 when this completed the campaign}
]]
--- @include redis-now
--- @include counts
--- @include delivery-view
--- @include chunk-bytes
--- @include claim-rows
--- @include complete-campaign

local ACCEPTED, REJECTED, SUPPRESSED, UNKNOWN, RETRY, RELEASED = 1, 2, 3, 4, 5, 6
local DISPOSITION = { 'pending', 'pending', 'sending', 'unknown', 'accepted', 'rejected', 'expired', 'suppressed', 'canceled' }

local now = redis_now()
local token, chunk = ARGV[1], tonumber(ARGV[2])
local held = redis.call('HGET', KEYS[5], token)
local rows, claimed_at, serial = {}, now, 0
if held then
  local held_chunk, held_rows, held_since, held_serial = parse_claim(held)
  claimed_at, serial = held_since, held_serial
  -- A token holds rows of one chunk; a question about another one is not about this claim.
  if held_chunk == chunk then rows = held_rows else held = false end
end

local states, facts
local first, last = nil, nil
local settled, stale = 0, 0

local function become(row, state, attempts)
  local before = DISPOSITION[states[row + 1] % 16]
  count(before, -1)
  count(DISPOSITION[state], 1)
  states[row + 1] = state + attempts * 16
  if not first or row < first then first = row end
  if not last or row > last then last = row end
end

local function accept(row, attempts, learned)
  become(row, 5, attempts)
  if learned > 0 then
    local ordinal = chunk * CHUNK_ROWS + row
    local known = facts[row + 1] or 0
    local union = known
    if not has_fact(known, learned) then union = known + learned end
    if union ~= known then
      count_view(known, union)
      redis.call('SETRANGE', KEYS[4], ordinal, string.char(union))
    end
  end
end

states, facts = read_bytes(KEYS[3], chunk), read_bytes(KEYS[4], chunk)
for at = 1, #ARGV[3], 11 do
  local row, move, value = struct.unpack('<I2Bd', ARGV[3], at)
  local ordinal = chunk * CHUNK_ROWS + row
  local byte = states[row + 1] or 0
  local state, attempts = byte % 16, math.floor(byte / 16)
  local ours = rows[row] ~= nil and state == 3 and attempts == rows[row]
  if ours then
    settled = settled + 1
    if move == ACCEPTED then
      accept(row, attempts, value)
    elseif move == REJECTED then
      become(row, 6, attempts)
      count(string.format('error:%d', value), 1)
    elseif move == SUPPRESSED then
      become(row, 8, attempts)
      if value > 0 then count(string.format('error:%d', value), 1) end
    elseif move == UNKNOWN then
      become(row, 4, attempts)
      redis.call('ZADD', KEYS[8], claimed_at, ordinal)
    elseif move == RETRY then
      become(row, 2, attempts)
      redis.call('ZADD', KEYS[7], value, ordinal)
    elseif move == RELEASED then
      become(row, 1, attempts - 1)
    else
      return redis.error_reply('ERR unknown move ' .. tostring(move))
    end
  elseif move == ACCEPTED and (state == 1 or state == 2 or state == 4) and attempts > 0 then
    -- The lease died before the answer came: given up, yet accepted all the same.
    settled = settled + 1
    if state == 4 then count('settled:answer', 1) end
    redis.call('ZREM', KEYS[7], ordinal)
    redis.call('ZREM', KEYS[8], ordinal)
    accept(row, attempts, value)
  else
    stale = stale + 1
  end
  rows[row] = nil
end

if first then write_bytes(KEYS[3], chunk, states, first, last) end
if held then
  local left = format_claim(chunk, rows, claimed_at, serial)
  if left then
    redis.call('HSET', KEYS[5], token, left)
  else
    redis.call('HDEL', KEYS[5], token)
    redis.call('ZREM', KEYS[6], token)
  end
end
write_counts(KEYS[2])
local completed = complete_campaign(KEYS[1], KEYS[2], now)
return { now, settled, stale, completed and 1 or 0 }
