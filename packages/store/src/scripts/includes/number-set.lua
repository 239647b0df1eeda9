-- A set of telephone numbers, spread over many small Redis sets: Redis keeps up to 512 integers as a packed, sorted
-- array (`intset`) of 8 bytes each. Linear hashing (Litwin 1980): buckets are added one at a time, each by splitting
-- one other, so no step is ever long. The caller names the buckets (they are KEYS); what it believed of their number is
-- checked here. The arithmetic is that of number-set.ts, exact in doubles.
local PRIME = 2147483647
local FACTOR = 48271
-- A bucket this large was made by somebody on purpose (many numbers of one hash): it is not split, so that no step is
-- long. The set stays exact, and stops growing new buckets.
local SPLIT_MAX = 4096

local function level_of(buckets)
  local level = 1
  while level * 2 <= buckets do level = level * 2 end
  return level
end

local function bucket_of(number, buckets, level)
  local hash = ((number % PRIME) * FACTOR) % PRIME
  local bucket = hash % (level * 2)
  if bucket >= buckets then bucket = bucket - level end
  return bucket
end

-- Grow from `from` to `to` buckets. KEYS[first_key ...] are pairs: the bucket to split and the new one.
-- Returns how many buckets there are then.
local function grow(meta_key, from, to, first_key)
  if from == 0 or to <= from then
    if to > from then redis.call('HSET', meta_key, 'buckets', to) end
    return math.max(from, to)
  end
  local buckets = from
  while buckets < to do
    local old_key, new_key = KEYS[first_key + (buckets - from) * 2], KEYS[first_key + (buckets - from) * 2 + 1]
    if redis.call('SCARD', old_key) > SPLIT_MAX then break end
    local after = buckets + 1
    local level = level_of(after)
    local moved = {}
    for _, member in ipairs(redis.call('SMEMBERS', old_key)) do
      if bucket_of(tonumber(member), after, level) == buckets then moved[#moved + 1] = member end
    end
    if #moved > 0 then
      redis.call('SADD', new_key, unpack(moved))
      redis.call('SREM', old_key, unpack(moved))
    end
    buckets = after
  end
  redis.call('HSET', meta_key, 'buckets', buckets)
  return buckets
end

-- The KEYS index of each number's bucket: two bytes a number, relative to `before` (the last key before the buckets).
local function slot_reader(slots, before)
  return function(index)
    local high, low = string.byte(slots, index * 2 - 1, index * 2)
    return before + high * 256 + low
  end
end
