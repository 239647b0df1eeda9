#!lua
--[[
  Append a batch of recipients to a campaign that has not started: exact deduplication, their ledger bytes, counters,
  the chunks themselves and the agenda that brings them to a worker, in one step. A duplicate's place stays `absent`. A
  batch of duplicates writes nothing; one that is more than a quarter duplicates is handed back to be packed without them.
  Asked again under the same sequence number, it gives the same answer and changes nothing.

  KEYS  1 campaign  2 counts  3 states  4 agenda  5 upload  6 the number set's meta  7.. chunks (ARGV 4)
        then pairs to split (ARGV 7), then a bucket for each run of numbers
  ARGV  1 sequence number  2 first chunk  3 first row in it: 0, or where the last chunk of the campaign ends
        4 chunks  5 buckets believed in  6 buckets wanted  7 pairs  8 counters to add, 'field=by …'
        9 duplicates left out already  10 numbers in each run (two bytes)
        11 the numbers in order of rows, as a MessagePack array of strings
        12.. chunk blobs
  Returns {'stored', chunks, rows in the last, buckets, numbers in the set, added, duplicates}
          {'repack', chunks, rows in the last, buckets, numbers in the set, 'row,row,…' of the duplicates}
          {'moved', chunks, rows in the last, buckets, numbers in the set}: the caller's belief is out of date
          {'halted', …}: the set cannot grow that far; ask without growth
          {'closed', status} | {'missing'}
]]
--- @include number-set

local CHUNK_ROWS = 500
-- Fewer than this share of duplicates stay as holes: packing again costs more than the bytes they waste.
local WASTE = 0.25

local answered = redis.call('HGET', KEYS[5], ARGV[1])
if answered then return cjson.decode(answered) end

local campaign = redis.call('HMGET', KEYS[1], 'status', 'chunks', 'tailRows')
if not campaign[1] then return { 'missing' } end
if campaign[1] ~= 'draft' and campaign[1] ~= 'scheduled' then return { 'closed', campaign[1] } end

local first, row, blobs = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local from, to, pairs_given = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local chunks, tail = tonumber(campaign[2] or 0), tonumber(campaign[3] or 0)
local meta = redis.call('HMGET', KEYS[6], 'buckets', 'count')
local buckets, count = tonumber(meta[1] or 0), tonumber(meta[2] or 0)

local placed = row == 0 and first >= chunks or row > 0 and first == chunks - 1 and row == tail
if not placed or buckets ~= from then return { 'moved', chunks, tail, buckets, count } end
buckets = grow(KEYS[6], from, to, 7 + blobs)
if buckets ~= math.max(from, to) then return { 'halted', chunks, tail, buckets, count } end

-- Add every number; those that were there, or stand twice in the batch, are duplicates.
local numbers = cmsgpack.unpack(ARGV[11])
local first_run = 6 + blobs + pairs_given * 2
local rows, bytes, duplicates = 0, {}, {}

local function each_run(act)
  local start = 1
  for run = 1, #ARGV[10] / 2 do
    local high, low = string.byte(ARGV[10], run * 2 - 1, run * 2)
    local length = high * 256 + low
    act(KEYS[first_run + run], start, start + length - 1)
    start = start + length
  end
end

local function note(row, is_new)
  bytes[row] = is_new and '\1' or '\0'
  if not is_new then duplicates[#duplicates + 1] = row - 1 end
end

-- Which of a run are new is asked before they are added, and seldom one by one: most batches hold no duplicates at all.
local function add_run(key, from, to)
  rows = to
  if from == to then return note(from, redis.call('SADD', key, numbers[from]) == 1) end
  local known = redis.call('SMISMEMBER', key, unpack(numbers, from, to))
  local added = redis.call('SADD', key, unpack(numbers, from, to))
  if added == to - from + 1 then
    for row = from, to do bytes[row] = '\1' end
    return
  end
  local seen = {}
  for row = from, to do
    local number = numbers[row]
    note(row, known[row - from + 1] == 0 and not seen[number])
    seen[number] = true
  end
end

each_run(add_run)
local added = rows - #duplicates

if added > 0 and #duplicates > rows * WASTE then
  each_run(function(key, from, to)
    for row = from, to do
      if bytes[row] == '\1' then redis.call('SREM', key, numbers[row]) end
    end
  end)
  return { 'repack', chunks, tail, buckets, count, table.concat(duplicates, ',') }
end

if added > 0 then
  count = redis.call('HINCRBY', KEYS[6], 'count', added)
  redis.call('SETRANGE', KEYS[3], first * CHUNK_ROWS + row, table.concat(bytes))
  for blob = 1, blobs do
    redis.call('SET', KEYS[6 + blob], ARGV[11 + blob])
    redis.call('ZADD', KEYS[4], 0, first + blob - 1)
  end
  chunks = first + blobs
  tail = row + rows - (blobs - 1) * CHUNK_ROWS
  redis.call('HSET', KEYS[1], 'chunks', chunks, 'tailRows', tail)
  redis.call('HINCRBY', KEYS[2], 'recipients', added)
  redis.call('HINCRBY', KEYS[2], 'pending', added)
  redis.call('HINCRBY', KEYS[2], 'intake:accepted', added)
end
local twice = #duplicates + tonumber(ARGV[9])
if twice > 0 then redis.call('HINCRBY', KEYS[2], 'intake:duplicates', twice) end
for field, by in string.gmatch(ARGV[8], '(%S+)=(%d+)') do
  redis.call('HINCRBY', KEYS[2], field, by)
end

local answer = { 'stored', chunks, tail, buckets, count, added, twice }
redis.call('HSET', KEYS[5], ARGV[1], cjson.encode(answer))
redis.call('EXPIRE', KEYS[5], 3600)
return answer
