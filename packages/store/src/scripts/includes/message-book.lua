-- The index of message ids of one sender: 8-byte keyed hashes in small hashes (listpacks), value: campaign (2 bytes, a
-- number within the segment), ordinal (4), attempt (1). Segments fill one after the other, each twice as large as the one
-- before until it has SEGMENT_MAX buckets, and go when nothing in them can be asked for any more. Keys are made from the
-- book's, with its hash tag: <book>:<segment>:<bucket> and <book>:<segment>:campaigns.
local SEGMENT_MIN, SEGMENT_MAX = 64, 16384
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

-- Hashes made with another key mean nothing here: nil, or the key that they must be made with.
local function foreign_key(book, key)
  local known = redis.call('HGET', book, 'key')
  if not known then redis.call('HSET', book, 'key', key) end
  if known and known ~= key then return known end
  return nil
end

-- 'campaign ordinal attempt', or nil.
local function find_message(book, id, first, last)
  for segment = last, first, -1 do
    local value = redis.call('HGET', bucket_key(book, segment, id), id)
    if value then
      local number, ordinal, attempt = struct.unpack('<I2I4B', value)
      local campaign = redis.call('HGET', string.format('%s:%d:campaigns', book, segment), '#' .. number)
      if campaign then return string.format('%s %d %d', campaign, ordinal, attempt) end
    end
  end
  return nil
end

local function segments_of(book)
  local fields = redis.call('HMGET', book, 'first', 'segment')
  return tonumber(fields[1] or 1), tonumber(fields[2] or 0)
end
