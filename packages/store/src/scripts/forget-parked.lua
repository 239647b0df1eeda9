#!lua flags=allow-oom
--[[
  Forget a parked id whose statuses are folded or put aside. One that got another status meanwhile stays, to be looked at
  again: folding and putting aside may be done twice.

  KEYS  1 parked  2 since  3 ready
  ARGV  three an id: hash  since when it was parked  how many statuses it had
  Returns how many are forgotten by this
]]
local forgotten = 0
for i = 1, #ARGV, 3 do
  local id = ARGV[i]
  local parked = redis.call('HGET', KEYS[1], id)
  if parked and redis.call('ZSCORE', KEYS[2], id) == ARGV[i + 1] and #cmsgpack.unpack(parked) / 2 == tonumber(ARGV[i + 2]) then
    redis.call('HDEL', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
    redis.call('SREM', KEYS[3], id)
    forgotten = forgotten + 1
  end
end
return forgotten
