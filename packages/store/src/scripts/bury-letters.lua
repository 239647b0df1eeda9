#!lua flags=allow-oom
--[[
  Put dead letters aside, each once, and forget the oldest beyond the bounds. Runs at full memory: it is bounded, and what
  waits for it holds up everything behind.

  KEYS  1 letters (stream)  2 index (hash: digest -> id, and `bytes`, what the letters take)
  ARGV  1 letters kept, at most  2 bytes kept, at most
        then of each letter: digest  reason  time, ms  form of the body (b plain, z packed)  body
  Returns {letters that are new, letters forgotten}; at most FORGET_MAX a call, the rest by the next
]]
local FORGET_MAX = 500
-- What an entry takes beside its body, about.
local LETTER_BYTES = 200

local added, forgotten = 0, 0
local bytes = tonumber(redis.call('HGET', KEYS[2], 'bytes') or 0)
for i = 3, #ARGV, 5 do
  local digest, reason, at, form, body = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  if redis.call('HEXISTS', KEYS[2], digest) == 0 then
    local id = redis.call('XADD', KEYS[1], '*', 'reason', reason, 'at', at, 'digest', digest, form, body)
    redis.call('HSET', KEYS[2], digest, id)
    bytes = bytes + #body + LETTER_BYTES
    added = added + 1
  end
end

local kept = redis.call('XLEN', KEYS[1])
while forgotten < FORGET_MAX and kept > 0 and (kept > tonumber(ARGV[1]) or bytes > tonumber(ARGV[2])) do
  local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  local fields = oldest[2]
  redis.call('XDEL', KEYS[1], oldest[1])
  redis.call('HDEL', KEYS[2], fields[6] or '')
  bytes = bytes - #(fields[8] or '') - LETTER_BYTES
  kept = kept - 1
  forgotten = forgotten + 1
end
if added + forgotten > 0 then redis.call('HSET', KEYS[2], 'bytes', string.format('%d', math.max(0, bytes))) end
return { added, forgotten }
