#!lua
--[[
  Hand out the sender's next send slots. Slots lie evenly, one every 1/rate, and each is handed out once, whatever the
  number of processes; what was not used is never made up for. A message may leave up to `late` ms after its slot, so any
  second at the endpoint holds the slots of 1 s + late: the rate is the limit's share 1 / (1 + late + 3 ms), and no second
  holds more than the limit. Processes on a busy machine ask for more lateness; the largest wish holds for all, until
  nobody has wished for as much for two seconds. Handing out twice for one question (a replay) wastes slots, no more.

  KEYS  1 rate  2 blocks
  ARGV  1 slots wanted  2 the limit as configured, a second  3 how far ahead slots may lie, ms  4 lateness wished, ms
        5 the first slot lies at least this far ahead, ms: time to claim  6 never more than this a second; '' for no cap
  Returns {now, 'slots', how many, µs from now to the first, ns from one to the next, limit in force,
                        how late a message may leave after its slot, ms}
          {now, 'wait', ms until slots can be had}
          {now, 'blocked', until ms, reason}
]]
local time = redis.call('TIME')
local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])
local now = math.floor(now_us / 1000)

local blocks = redis.call('HGETALL', KEYS[2])
local blocked_until, blocked_why = 0, nil
for i = 1, #blocks, 2 do
  local ends = tonumber(string.match(blocks[i + 1], '"until":(%d+)') or 'inf')
  if ends > now and ends > blocked_until then blocked_until, blocked_why = ends, blocks[i] end
end
if blocked_why then
  return { now, 'blocked', blocked_until == math.huge and -1 or blocked_until, blocked_why }
end

local rate = redis.call('HMGET', KEYS[1], 'next', 'factor', 'restUntil', 'changed', 'limit', 'late', 'lateAt',
  'learned', 'learnedOver')
local rest_until = tonumber(rate[3] or 0)
if rest_until > now then return { now, 'wait', rest_until - now } end

-- What the rate is before 130429: the same as rateInForce in packages/delivery/src/sender-rate.ts.
local configured = tonumber(rate[5])
if not configured then
  configured = tonumber(ARGV[2])
  local learned, over = tonumber(rate[8]), tonumber(rate[9])
  if learned and not over then
    over = configured
    redis.call('HSET', KEYS[1], 'learnedOver', ARGV[2])
  end
  if learned and over == configured then configured = learned end
end
configured = math.min(configured, tonumber(ARGV[6]) or math.huge)
-- A factor below one was learned from 130429; it climbs back by a twentieth of the limit a second.
local factor = tonumber(rate[2] or 1)
if factor < 1 then factor = math.min(1, factor + (now - tonumber(rate[4] or now)) / 1000 * 0.05) end
local limit = math.max(configured * factor, 0.1)
local wished, held = tonumber(ARGV[4]), tonumber(rate[6] or 0)
local late, next_us = math.floor(math.max(wished, held)), tonumber(rate[1] or 0)
if held > wished and now - tonumber(rate[7] or now) >= 2000 then
  -- What was allowed to leave so late must not meet slots that lie denser: the difference is left empty, once.
  next_us = next_us + (late - wished) * 1000
  late = wished
end
local spacing_us = 1000000 * (1.003 + late / 1000) / limit
local first = math.max(next_us, now_us + tonumber(ARGV[5]) * 1000)
local ahead_us = tonumber(ARGV[3]) * 1000
local horizon = now_us + ahead_us
-- In batches of at least half the way ahead: a claim for every single slot would cost four commands a message.
if first > now_us + ahead_us / 2 then return { now, 'wait', math.ceil((first - now_us - ahead_us / 2) / 1000) } end

local slots = math.min(tonumber(ARGV[1]), math.floor((horizon - first) / spacing_us) + 1)
redis.call('HSET', KEYS[1], 'next', string.format('%.0f', first + slots * spacing_us))
if wished >= late then redis.call('HSET', KEYS[1], 'late', late, 'lateAt', now) end
return { now, 'slots', slots, math.floor(first - now_us), math.floor(spacing_us * 1000), tostring(limit), late }
