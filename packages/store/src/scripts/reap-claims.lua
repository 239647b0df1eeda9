#!lua flags=allow-oom
--[[
  Give up claims whose lease has died: a worker was killed, or is away. Its requests may have been sent, so their
  recipients become `unknown`, never `pending`. Bounded by the number of claims looked at.

  KEYS  1 campaign  2 counts  3 states  4 facts  5 claims  6 leases  7 retries  8 unknowns
  ARGV  1 most claims
  Returns {now, claims given up, recipients that became unknown, 1 when this completed the campaign}
]]
--- @include redis-now
--- @include counts
--- @include chunk-bytes
--- @include chunk-runs
--- @include claim-rows
--- @include complete-campaign

local now = redis_now()
local tokens = redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', now, 'LIMIT', 0, tonumber(ARGV[1]))
local lost = 0
for _, token in ipairs(tokens) do
  local held = redis.call('HGET', KEYS[5], token)
  if held then
    local chunk, runs, claimed_at = parse_claim(held)
    local states = read_text(KEYS[3], chunk)
    local edit = begin_edit(states)
    for _, run in ipairs(runs) do
      for row = run[1], run[2] do
        if string.byte(states, row + 1) == 3 + run[3] * 16 then
          edit_run(edit, row, row, 4 + run[3] * 16)
          redis.call('ZADD', KEYS[8], claimed_at, chunk * CHUNK_ROWS + row)
          lost = lost + 1
        end
      end
    end
    write_edit(KEYS[3], chunk, edit)
  end
  redis.call('HDEL', KEYS[5], token)
  redis.call('ZREM', KEYS[6], token)
end
count('sending', -lost)
count('unknown', lost)
write_counts(KEYS[2])
local completed = complete_campaign(KEYS[1], KEYS[2], now)
return { now, #tokens, lost, completed and 1 or 0 }
