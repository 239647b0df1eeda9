#!lua flags=allow-oom
--[[
  Write down which recipients message ids belong to, before their acceptance is settled; and which statuses that waited for
  them can be joined now. Asked again, it changes nothing. Runs at full memory, as settling does: both are bounded by what
  is in flight.

  KEYS  1 book  2 parked  3 ready
  ARGV  1 key of the hashes  2 campaign  3 entries, 13 bytes each, little endian: hash (8)  ordinal (4)  attempt (1)
  Returns {'noted', new entries} | {'key', the key that hashes must be made with}
]]
--- @include redis-now
--- @include message-book

local book = KEYS[1]
local key = foreign_key(book, ARGV[1])
if key then return { 'key', key } end
local now = redis_now()
local first, segment = segments_of(book)
local count = tonumber(redis.call('HGET', book, 'count') or 0)
local campaigns = string.format('%s:%d:campaigns', book, segment)
local full = segment > 0 and (count >= buckets_of(segment) * BUCKET_FILL or redis.call('HLEN', campaigns) / 2 >= CAMPAIGNS_MAX)
if segment == 0 or full then
  if segment > 0 then redis.call('HSET', book, 'closed:' .. segment, now) end
  while first < segment do
    local closed = tonumber(redis.call('HGET', book, 'closed:' .. first))
    if closed and now - closed <= KEPT_MS then break end
    redis.call('HDEL', book, 'closed:' .. first)
    first = first + 1
  end
  segment = segment + 1
  campaigns = string.format('%s:%d:campaigns', book, segment)
  redis.call('HSET', book, 'first', first, 'segment', segment, 'count', 0)
end

local number = tonumber(redis.call('HGET', campaigns, ARGV[2]))
if not number then
  number = redis.call('HLEN', campaigns) / 2 + 1
  redis.call('HSET', campaigns, ARGV[2], number, '#' .. number, ARGV[2])
end
keep(campaigns)
keep(book)

local waited = redis.call('EXISTS', KEYS[2]) == 1
local added = 0
for at = 1, #ARGV[3], 13 do
  local id = string.sub(ARGV[3], at, at + 7)
  local bucket = bucket_key(book, segment, id)
  added = added + redis.call('HSET', bucket, id, struct.pack('<I2', number) .. string.sub(ARGV[3], at + 8, at + 12))
  keep(bucket)
  if waited and redis.call('HEXISTS', KEYS[2], id) == 1 then
    redis.call('SADD', KEYS[3], id)
    redis.call('PEXPIRE', KEYS[3], KEPT_MS)
  end
end
if added > 0 then redis.call('HINCRBY', book, 'count', added) end
return { 'noted', added }
