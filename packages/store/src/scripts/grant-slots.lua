#!lua
--[[
  Hand out the sender's next send slots, after taking in when the messages of earlier ones left. The model of permits is
  packages/delivery/src/permits.ts: as many as the limit, each free again a second after its message left, or, until that
  is told, after it could have left at the latest. So no second holds more messages than the limit, whatever the number of
  processes, and what a slow machine is late with is late, but not lost. A replay is told of nothing twice, and the slots
  it hands out for nobody come back a second after they could have been used.

  For a limit so high that milliseconds cannot break it slots are only counted.

  KEYS  1 rate  2 blocks
  ARGV  1 slots wanted  2 the limit as configured, a second  3 how far ahead slots may lie, ms
        4 the first slot lies at least this far ahead, ms: time to claim  5 never more than this a second; '' for no cap
        6 '1', or '0' where slots are only counted
        7… what became of earlier grants: 'serial;now, µs;ahead:left,ahead:left,…', µs from that now; left is empty where no message left
  Returns {now, 'slots', µs now, serial, 'ahead,ahead,…' (µs from now), limit in force}
          {now, 'unpaced', how many, limit in force}
          {now, 'wait', ms until slots can be had, µs now}
          {now, 'blocked', until ms, reason}
]]
local BUCKET, MARGIN, LATE = 2000, 12000, 300000
local CLOCK_MAX, HOPE, CATCH_UP, SLOW_START = 3000000, 20000, 1.5, 200

local time = redis.call('TIME')
local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])
local now = math.floor(now_us / 1000)
local rate = redis.call('HMGET', KEYS[1], 'next', 'factor', 'restUntil', 'changed', 'limit', 'learned', 'learnedOver',
  'permits')
local permits = rate[8] and cmsgpack.unpack(rate[8]) or { free = {}, size = 0, serial = 0, open = {} }
local free, open = permits.free, permits.open
local next_us = tonumber(rate[1] or 0)

local function bucket_of(us) return math.ceil(us / BUCKET) end

local function add(bucket, count)
  local sum = (free[bucket] or 0) + count
  free[bucket] = sum > 0 and sum or nil
end

local function keep()
  redis.call('HSET', KEYS[1], 'permits', cmsgpack.pack(permits), 'next', string.format('%.0f', next_us))
end

local function take_back(told)
  local serial, base, list = string.match(told, '^(%d+);(%d+);(.*)$')
  local grant = open[tonumber(serial)]
  if not grant then return end
  open[tonumber(serial)] = nil
  base = tonumber(base)
  for ahead, left in string.gmatch(list, '(%-?%d+):(%-?%d*)') do
    local worst = bucket_of(base + tonumber(ahead) + LATE + grant[2])
    if free[worst] then
      add(worst, -1)
      add(bucket_of(left == '' and now_us or base + tonumber(left) + grant[2]), 1)
    end
  end
end

for told = 7, #ARGV do take_back(ARGV[told]) end

local blocks = redis.call('HGETALL', KEYS[2])
local blocked_until, blocked_why = 0, nil
for i = 1, #blocks, 2 do
  local ends = tonumber(string.match(blocks[i + 1], '"until":(%d+)') or 'inf')
  if ends > now and ends > blocked_until then blocked_until, blocked_why = ends, blocks[i] end
end
if blocked_why then
  if #ARGV >= 7 then keep() end
  return { now, 'blocked', blocked_until == math.huge and -1 or blocked_until, blocked_why }
end
local rest_until = tonumber(rate[3] or 0)
if rest_until > now then
  if #ARGV >= 7 then keep() end
  return { now, 'wait', rest_until - now, string.format('%.0f', now_us) }
end

-- What the rate is before 130429: the same as rateInForce in packages/delivery/src/sender-rate.ts.
local configured = tonumber(rate[5])
if not configured then
  configured = tonumber(ARGV[2])
  local learned, over = tonumber(rate[6]), tonumber(rate[7])
  if learned and not over then
    over = configured
    redis.call('HSET', KEYS[1], 'learnedOver', ARGV[2])
  end
  if learned and over == configured then configured = learned end
end
configured = math.min(configured, tonumber(ARGV[5]) or math.huge)
-- A factor below one was learned from 130429; it climbs back by a twentieth of the limit a second.
local factor = tonumber(rate[2] or 1)
if factor < 1 then factor = math.min(1, factor + (now - tonumber(rate[4] or now)) / 1000 * 0.05) end
local limit = math.max(configured * factor, 0.1)

local wanted, begin = tonumber(ARGV[1]), now_us + tonumber(ARGV[4]) * 1000
local horizon = now_us + tonumber(ARGV[3]) * 1000
local nearer = now_us + (horizon - now_us) / 2

if ARGV[6] == '0' then
  local first = math.max(next_us, now_us)
  if first > nearer then
    return { now, 'wait', math.ceil((first - nearer) / 1000), string.format('%.0f', now_us) }
  end
  local count = math.min(wanted, math.floor((horizon - first) * limit / 1000000) + 1)
  redis.call('HSET', KEYS[1], 'next', string.format('%.0f', first + count * 1000000 / limit))
  return { now, 'unpaced', count, tostring(limit) }
end

-- All of these are free by now, whatever is told of them.
for serial, grant in pairs(open) do
  if grant[3] * BUCKET <= now_us then open[serial] = nil end
end

local size = math.max(1, math.floor(limit))
local window = math.floor(1000000 * math.max(1, size / limit) + MARGIN)
local begins = bucket_of(begin)

-- All that are free by then lie in one bucket. One that is free too long from now tells that Redis' clock was set back.
local idle, beyond = 0, 0
for bucket, count in pairs(free) do
  if bucket <= begins then
    idle = idle + count
    free[bucket] = nil
  elseif bucket * BUCKET > now_us + window + CLOCK_MAX then
    beyond = beyond + count
    free[bucket] = nil
  end
end
if next_us > now_us + CLOCK_MAX then next_us = 0 end
add(begins, idle)
add(bucket_of(now_us + window), beyond)

local function spread(count, over)
  for one = 0, count - 1 do add(bucket_of(begin + one * over / count), 1) end
end

local function thin(from, to)
  local buckets = {}
  for bucket in pairs(free) do buckets[#buckets + 1] = bucket end
  table.sort(buckets)
  local seen, kept = 0, 0
  for _, bucket in ipairs(buckets) do
    seen = seen + free[bucket]
    local keeps = math.floor(seen * to / from)
    free[bucket] = keeps > kept and keeps - kept or nil
    kept = keeps
  end
end

if (free[begins] or 0) == permits.size then
  free = {}
  permits.free = free
  spread(size, size < SLOW_START and window or 2 * window)
elseif size > permits.size then
  spread(size - permits.size, window)
elseif size < permits.size then
  thin(permits.size, size)
end
permits.size = size

local bucket = begins
while not free[bucket] and bucket * BUCKET <= horizon do bucket = bucket + 1 end
local earliest = bucket
if not free[bucket] then
  earliest = math.huge
  for one in pairs(free) do earliest = math.min(earliest, one) end
end
local first = math.max(next_us, earliest * BUCKET)
if first > nearer then
  -- What others will tell of may make permits free before that: as soon as their slots' second is over.
  local hoped = math.huge
  for _, grant in pairs(open) do hoped = math.min(hoped, grant[1] * BUCKET - LATE) end
  first = math.min(first, math.max(nearer + HOPE, next_us, hoped))
  keep()
  return { now, 'wait', math.ceil((first - nearer) / 1000), string.format('%.0f', now_us) }
end

local ahead, worst = {}, {}
while #ahead < wanted do
  local slot = math.floor(math.max(next_us, bucket * BUCKET))
  if slot > horizon then break end
  if free[bucket] then
    add(bucket, -1)
    ahead[#ahead + 1] = string.format('%.0f', slot - now_us)
    worst[#worst + 1] = bucket_of(slot + LATE + window)
    next_us = slot + window / size / CATCH_UP
  else
    bucket = bucket + 1
  end
end
for _, one in ipairs(worst) do add(one, 1) end
permits.serial = permits.serial + 1
open[permits.serial] = { worst[1], window, worst[#worst] }
next_us = math.floor(next_us)
keep()
return { now, 'slots', string.format('%.0f', now_us), permits.serial, table.concat(ahead, ','), tostring(limit) }
