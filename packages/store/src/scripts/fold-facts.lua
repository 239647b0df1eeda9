#!lua flags=allow-oom
--[[
  Fold statuses into a campaign's ledger: facts, states and counters in one step. The model of this script, with the
  decisions behind it, is packages/delivery/src/fold.ts. Replaying it changes nothing. Runs at full memory: what Meta was
  answered 200 for must be counted.

  KEYS  1 campaign  2 counts  3 states  4 facts  5 retries  6 unknowns  7 lapses  8 prices  9 proofs
  ARGV  1 lessons, packed, at most 500, each ordinal once; 14 bytes each, little endian:
          ordinal (4)  facts (1)  error code (4)  bits of the attempts it proves (2)
          country (2: two letters as one number)  prices (1)
        2 how the recipients are known: callback_data, message_id
  Returns {'folded', recipients lifted to accepted, of them late, 1 when this completed the campaign, its sender,
          recipients that failed by this as 'code count code count …', then the ordinals at which nobody lives}
          | {'missing'}: there is no such campaign
]]
--- @include redis-now
--- @include counts
--- @include delivery-view
--- @include price-view
--- @include complete-campaign

-- `undelivered`, the one fact that is our own inference: every other is in PROOF of packages/delivery/src/facts.ts.
local NO_PROOF = 32
local UNKNOWN, ACCEPTED, REJECTED = 4, 5, 6
local DISPOSITION = { 'pending', 'pending', 'sending', 'unknown', 'accepted', 'rejected', 'expired', 'suppressed', 'canceled' }

local sender = redis.call('HGET', KEYS[1], 'sender')
if not sender then return { 'missing' } end

-- Offsets stay in the form BITFIELD wants, and so do bytes below: handing Redis a number prints it anew, a fifth of the time.
local ordinals, learned, codes, proven, countries, told = {}, {}, {}, {}, {}, {}
local read = {}
local unusual = false
local position, total = 1, 0
while position <= #ARGV[1] do
  total = total + 1
  ordinals[total], learned[total], codes[total], proven[total], countries[total], told[total], position =
    struct.unpack('<I4BI4I2I2B', ARGV[1], position)
  unusual = unusual or told[total] ~= 0
  local at = total * 3
  read[at - 2], read[at - 1], read[at] = 'GET', 'u8', '#' .. ordinals[total]
end
local states = redis.call('BITFIELD_RO', KEYS[3], unpack(read))
local facts = redis.call('BITFIELD_RO', KEYS[4], unpack(read))
-- Next to no campaign has messages with an unusual price.
local prices
if unusual or redis.call('EXISTS', KEYS[8]) == 1 then prices = redis.call('BITFIELD_RO', KEYS[8], unpack(read)) end

local write_states, write_facts, write_prices = {}, {}, {}
local text = {}
local function write(list, i, byte)
  local written = text[byte]
  if not written then
    written = tostring(byte)
    text[byte] = written
  end
  local at = #list
  list[at + 1], list[at + 2], list[at + 3], list[at + 4] = 'SET', 'u8', read[i * 3], written
end

local function latest_of(bits)
  local attempt = 0
  while bits > 1 do bits, attempt = math.floor(bits / 2), attempt + 1 end
  return attempt
end

local function is_two(bits)
  return bit.band(bits, bits - 1) ~= 0
end

-- Which attempts are proven, where the byte alone does not tell: noteAttempts of packages/delivery/src/proofs.ts.
local function note_attempts(ordinal, byte, attempts, bits)
  local known = 0
  if byte % 16 == ACCEPTED then
    local before = math.floor(byte / 16)
    known = tonumber(redis.call('HGET', KEYS[9], ordinal)) or (before > 0 and bit.lshift(1, before)) or 0
  end
  local union = bit.bor(known, bits)
  if union ~= known and union ~= bit.lshift(1, attempts) then redis.call('HSET', KEYS[9], ordinal, union) end
  if is_two(union) and not is_two(known) then count('duplicates', 1) end
end

local lifted_ordinals = {}
-- A send was proved. Where its chunk has been looked at for messages that outlived their TTL, that is done once more.
local function note_proven(now)
  local ttl = tonumber(redis.call('HGET', KEYS[1], 'ttl'))
  if not ttl then return end
  local ends, seen = {}, {}
  for _, ordinal in ipairs(lifted_ordinals) do
    local chunk = math.floor(ordinal / 500)
    if not seen[chunk] then
      seen[chunk] = true
      ends[#ends + 1], ends[#ends + 2] = now + ttl, chunk
    end
  end
  redis.call('ZADD', KEYS[7], 'NX', unpack(ends))
end

-- What the counters move by, collected by kind of change: a batch has few kinds.
local changed = {}
local refused, failed = {}, {}
local late = 0
-- The same by kind of change and country, for prices; where none is unusual they follow from the facts.
local changed_in = {}

for i = 1, total do
  local ordinal, byte, before = ordinals[i], states[i], facts[i]
  local state = byte % 16
  if state == 0 then
    refused[#refused + 1] = ordinal
  else
    local after = bit.bor(before, learned[i])
    if after ~= before then
      write(write_facts, i, after)
      local kind = before * 256 + after
      changed[kind] = (changed[kind] or 0) + 1
      if has_fact(after, 8) and not has_fact(before, 8) then failed[codes[i]] = (failed[codes[i]] or 0) + 1 end
      if not prices then
        local here = kind * 65536 + countries[i]
        changed_in[here] = (changed_in[here] or 0) + 1
      end
    end
    if prices then
      local union = bit.bor(prices[i], told[i])
      if union ~= prices[i] then write(write_prices, i, union) end
      count_price(price_kind_of(before, prices[i]), price_kind_of(after, union), countries[i])
    end
    if learned[i] ~= 0 and learned[i] ~= NO_PROOF then
      local attempts = math.max(math.floor(byte / 16), proven[i] == 2 and 1 or latest_of(proven[i]))
      local accepted = ACCEPTED + attempts * 16
      if accepted ~= byte then write(write_states, i, accepted) end
      -- With a first attempt alone there is nothing to tell apart.
      if attempts > 1 then note_attempts(ordinal, byte, attempts, proven[i]) end
      if state ~= ACCEPTED then
        lifted_ordinals[#lifted_ordinals + 1] = ordinal
        count(DISPOSITION[state], -1)
        if state == UNKNOWN then count('settled:' .. ARGV[2], 1) end
        if state >= REJECTED then late = late + 1 end
      end
    end
  end
end

local lifted = #lifted_ordinals
if write_facts[1] then redis.call('BITFIELD', KEYS[4], unpack(write_facts)) end
if write_states[1] then redis.call('BITFIELD', KEYS[3], unpack(write_states)) end
if write_prices[1] then redis.call('BITFIELD', KEYS[8], unpack(write_prices)) end
local failures = {}
for code, recipients in pairs(failed) do
  failures[#failures + 1] = string.format('%d %d', code, recipients)
  count('error:' .. string.format('%d', code), recipients)
end
for here, messages in pairs(changed_in) do
  local kind = math.floor(here / 65536)
  count_price(price_kind_of(math.floor(kind / 256), 0), price_kind_of(kind % 256, 0), here % 65536, messages)
end
for kind, messages in pairs(changed) do count_view(math.floor(kind / 256), kind % 256, messages) end

local completed = false
if lifted > 0 then
  redis.call('ZREM', KEYS[5], unpack(lifted_ordinals))
  redis.call('ZREM', KEYS[6], unpack(lifted_ordinals))
  count('accepted', lifted)
  count('late_proofs', late)
end
write_counts(KEYS[2])
if lifted > 0 then
  local now = redis_now()
  note_proven(now)
  -- Only a lift can close the last open recipient.
  completed = complete_campaign(KEYS[1], KEYS[2], now)
end
return { 'folded', lifted, late, completed and 1 or 0, sender, table.concat(failures, ' '), unpack(refused) }
