#!lua flags=allow-oom
--[[
  Write down what became of claimed recipients, many in one step: state, counters, error counts and retries together, and
  only for rows that the token still holds. Asked again, it changes nothing. An acceptance that comes after the claim was
  given up is still the truth and lifts the recipient to accepted. Runs at full memory: an outcome must not be lost.

  KEYS  1 campaign  2 counts  3 states  4 facts  5 claims  6 leases  7 retries  8 unknowns
  ARGV  1 token  2 chunk  3 runs of rows of which the same became, in order of rows, packed, 13 bytes each, little endian:
          first row (2)  last row (2)  move (1)  value (8, a double)
        moves: 1 accepted (facts)  2 rejected (code)  3 suppressed (code or 0)  4 unknown (0)  5 retry (due, ms)  6 released (0)
  Returns {now, rows settled, rows that were no longer ours, 1 when this completed the campaign}
]]
--- @include redis-now
--- @include counts
--- @include delivery-view
--- @include chunk-bytes
--- @include chunk-runs
--- @include claim-rows
--- @include complete-campaign

local ACCEPTED, REJECTED, SUPPRESSED, UNKNOWN, RETRY, RELEASED = 1, 2, 3, 4, 5, 6
local RUN, RUN_BYTES = '<I2I2Bd', 13
local SENDING = 3
-- States by move, and what both count as.
local BECOMES = { 5, 6, 8, 4, 2, 1 }
local DISPOSITION = { 'pending', 'pending', 'sending', 'unknown', 'accepted', 'rejected', 'expired', 'suppressed', 'canceled' }

local before = -1
for at = 1, #ARGV[3], RUN_BYTES do
  local first, last, move = struct.unpack(RUN, ARGV[3], at)
  if first <= before or last < first or last >= CHUNK_ROWS or not BECOMES[move] then
    return redis.error_reply(string.format('ERR no run: rows %d to %d, move %d', first, last, move))
  end
  before = last
end

local now = redis_now()
local token, chunk = ARGV[1], tonumber(ARGV[2])
local held = redis.call('HGET', KEYS[5], token)
local runs, claimed_at, serial = {}, now, 0
if held then
  local held_chunk, held_runs, held_since, held_serial = parse_claim(held)
  claimed_at, serial = held_since, held_serial
  -- A token holds rows of one chunk; a question about another one is not about this claim.
  if held_chunk == chunk then runs = held_runs else held = false end
end

local states = read_text(KEYS[3], chunk)
local edit, released = begin_edit(states), {}
local settled, stale = 0, 0

local function learn(first, last, learned)
  local facts = redis.call('GETRANGE', KEYS[4], chunk * CHUNK_ROWS + first, chunk * CHUNK_ROWS + last)
  for row = first, last do
    local known = string.byte(facts, row - first + 1) or 0
    if not has_fact(known, learned) then
      count_view(known, known + learned)
      redis.call('SETRANGE', KEYS[4], chunk * CHUNK_ROWS + row, string.char(known + learned))
    end
  end
end

-- Rows first..last, all of one state and so many attempts, move on.
local function become(first, last, state, attempts, move, value)
  local rows = last - first + 1
  settled = settled + rows
  count(DISPOSITION[state], -rows)
  count(DISPOSITION[BECOMES[move]], rows)
  if move == RELEASED then
    attempts = attempts - 1
    released[#released + 1] = { first, last }
  elseif move == ACCEPTED then
    if value > 0 then learn(first, last, value) end
  elseif move == UNKNOWN or move == RETRY then
    local key, score = KEYS[8], claimed_at
    if move == RETRY then key, score = KEYS[7], value end
    for row = first, last do redis.call('ZADD', key, score, chunk * CHUNK_ROWS + row) end
  elseif value > 0 then
    count(string.format('error:%d', value), rows)
  end
  edit_run(edit, first, last, BECOMES[move] + attempts * 16)
end

-- Until which row from `row` on the claim holds rows under this attempt; before `row` where it does not hold that one. Asked
-- in order of rows.
local held_run = 1
local function held_until(row, attempts)
  while runs[held_run] and runs[held_run][2] < row do held_run = held_run + 1 end
  local run = runs[held_run]
  return run and run[1] <= row and run[3] == attempts and run[2] or row - 1
end

local function settle(first, last, move, value)
  local row = first
  while row <= last do
    local byte = string.byte(states, row + 1) or 0
    local state, attempts = byte % 16, math.floor(byte / 16)
    local ours = row - 1
    if state == SENDING then ours = math.min(held_until(row, attempts), same_until(states, row), last) end
    if ours >= row then
      become(row, ours, state, attempts, move, value)
      row = ours
    elseif move == ACCEPTED and (state == 1 or state == 2 or state == 4) and attempts > 0 then
      -- The lease died before the answer came: given up, yet accepted all the same.
      if state == 4 then count('settled:answer', 1) end
      redis.call('ZREM', KEYS[7], chunk * CHUNK_ROWS + row)
      redis.call('ZREM', KEYS[8], chunk * CHUNK_ROWS + row)
      become(row, row, state, attempts, move, value)
    else
      stale = stale + 1
    end
    row = row + 1
  end
end

for at = 1, #ARGV[3], RUN_BYTES do settle(struct.unpack(RUN, ARGV[3], at)) end
states = write_edit(KEYS[3], chunk, edit)

-- Rows that came back unsent are the only ones that could be `sending` under the same attempt again, in another claim:
-- they leave the record. Of all others their state tells that they are settled, so it stays as it is until none is left.
if held then
  if #released > 0 then runs = without_rows(runs, released) end
  if is_any_sending(runs, states) then
    if #released > 0 then redis.call('HSET', KEYS[5], token, format_claim(chunk, runs, claimed_at, serial)) end
  else
    redis.call('HDEL', KEYS[5], token)
    redis.call('ZREM', KEYS[6], token)
  end
end
write_counts(KEYS[2])
local completed = complete_campaign(KEYS[1], KEYS[2], now)
return { now, settled, stale, completed and 1 or 0 }
