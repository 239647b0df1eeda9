#!lua flags=allow-oom
--[[
  Which recipients statuses speak of, by the hashes of their message ids. One whose id is not known yet is parked in the same
  step, so that none falls between this and the noting of its id. Asked again, it parks nothing twice. Runs at full memory:
  what is parked is bounded, and the webhook was answered 200.

  KEYS  1 book  2 parked  3 since
  ARGV  1 key of the hashes  2 ids parked, at most  3 statuses parked of one id, at most
        then three a status: hash  digest of the body  body
  Returns {'matched', then for each 'campaign ordinal attempt', '' where it was parked, '!' where there was no room; fewer
           than asked for when the step would get long}
          | {'key', the key that hashes must be made with}
]]
--- @include redis-now
--- @include message-book

local key = foreign_key(KEYS[1], ARGV[1])
if key then return { 'key', key } end
local first, last = segments_of(KEYS[1])
local find = finder(KEYS[1], first, last)
local now = redis_now()
local ids = redis.call('HLEN', KEYS[2])
local reply = { 'matched' }
for i = 4, math.min(#ARGV, 3 + 3 * looks_for(first, last)), 3 do
  local id, digest, body = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local found = find(id)
  if not found then
    local parked = redis.call('HGET', KEYS[2], id)
    local bodies = parked and cmsgpack.unpack(parked) or {}
    local known = false
    for j = 1, #bodies, 2 do known = known or bodies[j] == digest end
    found = ''
    if not known then
      if (not parked and ids >= tonumber(ARGV[2])) or #bodies / 2 >= tonumber(ARGV[3]) then
        found = '!'
      else
        bodies[#bodies + 1], bodies[#bodies + 2] = digest, body
        redis.call('HSET', KEYS[2], id, cmsgpack.pack(bodies))
        redis.call('ZADD', KEYS[3], 'NX', now, id)
        redis.call('PEXPIRE', KEYS[2], KEPT_MS)
        redis.call('PEXPIRE', KEYS[3], KEPT_MS)
        if not parked then ids = ids + 1 end
      end
    end
  end
  reply[#reply + 1] = found
end
return reply
