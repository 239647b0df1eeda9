-- The index of message ids of one sender: 8-byte keyed hashes in small hashes (listpacks), value: campaign (2 bytes, a
-- number within the segment), ordinal (4), attempt (1). Segments fill one after the other, each twice as large as the one
-- before until it has SEGMENT_MAX buckets (ten million messages), and go when nothing in them can be asked for any more. Keys are made from the
-- book's, with its hash tag: <book>:<segment>:<bucket> and <book>:<segment>:campaigns.
local SEGMENT_MIN, SEGMENT_MAX = 64, 131072
-- Entries a bucket, on average, when its segment is full: well below the 128 at which Redis gives up the packed form.
local BUCKET_FILL = 80
local CAMPAIGNS_MAX = 65000
-- 30 days of the longest TTL, Meta's 7 of trying to deliver a webhook, and one.
local KEPT_MS = 38 * 86400000

local function buckets_of(segment)
  return math.min(SEGMENT_MAX, SEGMENT_MIN * 2 ^ (segment - 1))
end

local function bucket_key(book, segment, id)
  local number = struct.unpack('<I4', id)
  return string.format('%s:%d:%d', book, segment, number % buckets_of(segment))
end

-- Buckets looked into in one step, at most: some 3 µs each.
local BUCKETS_A_STEP = 2000

-- Messages that one step may look for, at least one.
local function looks_for(first, last)
  return math.max(1, math.floor(BUCKETS_A_STEP / math.max(1, last - first + 1)))
end

-- A key stays for KEPT_MS after it was written to; not each writing moves that, for it would double what Redis logs.
local function keep(key)
  if redis.call('PTTL', key) < KEPT_MS then redis.call('PEXPIRE', key, KEPT_MS + 86400000) end
end

-- Hashes made with another key mean nothing here: nil, or the key that they must be made with.
local function foreign_key(book, key)
  local known = redis.call('HGET', book, 'key')
  if not known then redis.call('HSET', book, 'key', key) end
  if known and known ~= key then return known end
  return nil
end

-- Finds messages among these segments, newest first: 'campaign ordinal attempt', or nil.
local function finder(book, first, last)
  local prefix, buckets, names = {}, {}, {}
  for segment = first, last do
    prefix[segment], buckets[segment] = string.format('%s:%d:', book, segment), buckets_of(segment)
  end
  local function campaign_of(segment, number)
    local name = prefix[segment] .. number
    if names[name] == nil then names[name] = redis.call('HGET', prefix[segment] .. 'campaigns', '#' .. number) end
    return names[name]
  end
  return function(id)
    local place = struct.unpack('<I4', id)
    for segment = last, first, -1 do
      local value = redis.call('HGET', prefix[segment] .. place % buckets[segment], id)
      if value then
        local number, ordinal, attempt = struct.unpack('<I2I4B', value)
        local campaign = campaign_of(segment, number)
        if campaign then return string.format('%s %d %d', campaign, ordinal, attempt) end
      end
    end
    return nil
  end
end

local function segments_of(book)
  local fields = redis.call('HMGET', book, 'first', 'segment')
  return tonumber(fields[1] or 1), tonumber(fields[2] or 0)
end
