#!lua
--[[
  Send again what is unknown, where the campaign says so (`onUnknown` = resend): recipients whose attempt began a window
  ago, of a sender whose webhooks were seen to flow well after it. Had the message been sent, its status would be here. At
  the end of a campaign that runs alone, what quiet-end.ts of packages/delivery says stands for that flow. A campaign of
  which messages left without callback data sends nobody again: no status could tell of them. A campaign with nothing but
  hopeless unknowns left is completed: their window to be sent again is over.

  KEYS  1 campaign  2 counts  3 states  4 unknowns  5 agenda
  ARGV  1 window, ms  2 webhooks of the sender were seen up to events of this time, ms  3 they must be this much later than
        the attempt, ms  4 given up after, ms  5 last safe moment is this much before notAfter, ms  6 attempts at most
        7 most recipients  8 while nobody is open and only so many are accepted …  9 … attempts begun by then were not
        taken, ms; 0: nothing is known
  Returns {now, recipients free to be claimed again, 1 when this completed the campaign}
]]
--- @include redis-now
--- @include counts

local CHUNK_ROWS = 500
local now = redis_now()
local campaign = redis.call('HMGET', KEYS[1], 'status', 'onUnknown', 'notAfter', 'untraced')
if campaign[1] ~= 'running' or campaign[2] ~= 'resend' then return { now, 0, 0 } end
local not_after = tonumber(campaign[3])
local over = campaign[4] == '1' or (not_after and now + tonumber(ARGV[5]) > not_after)

local flowed = tonumber(ARGV[2]) - tonumber(ARGV[3])
local known = redis.call('HMGET', KEYS[2], 'pending', 'sending', 'accepted')
local open = tonumber(known[1] or 0) + tonumber(known[2] or 0)
if open == 0 and tonumber(known[3] or 0) == tonumber(ARGV[8]) then flowed = math.max(flowed, tonumber(ARGV[9])) end
local latest = math.min(now - tonumber(ARGV[1]), flowed)
local given_up = now - tonumber(ARGV[4])
local freed = 0
if not over then
  local unknowns = redis.call('ZRANGEBYSCORE', KEYS[4], '(' .. string.format('%.0f', given_up), string.format('%.0f', latest), 'LIMIT', 0, tonumber(ARGV[7]))
  for _, ordinal in ipairs(unknowns) do
    local byte = string.byte(redis.call('GETRANGE', KEYS[3], ordinal, ordinal)) or 0
    local attempts = math.floor(byte / 16)
    if byte % 16 == 4 and attempts < tonumber(ARGV[6]) then
      redis.call('SETRANGE', KEYS[3], ordinal, string.char(1 + attempts * 16))
      redis.call('ZREM', KEYS[4], ordinal)
      redis.call('ZADD', KEYS[5], now, math.floor(ordinal / CHUNK_ROWS))
      freed = freed + 1
    elseif byte % 16 ~= 4 then
      redis.call('ZREM', KEYS[4], ordinal)
    else
      -- Attempts are used up: it stays unknown, and no longer holds the campaign up.
      redis.call('ZADD', KEYS[4], 0, ordinal)
    end
  end
end
count('unknown', -freed)
count('pending', freed)
count('settled:resend', freed)
write_counts(KEYS[2])

local left = redis.call('HMGET', KEYS[2], 'pending', 'sending')
local hopeful = 0
if not over then hopeful = redis.call('ZCOUNT', KEYS[4], '(' .. string.format('%.0f', given_up), '+inf') end
if tonumber(left[1] or 0) + tonumber(left[2] or 0) + hopeful > 0 then return { now, freed, 0 } end
redis.call('HSET', KEYS[1], 'status', 'completed', 'endedAt', now)
return { now, freed, 1 }
