#!lua
--[[
  Bind an Idempotency-Key to a request. The first request under a key decides; later ones learn what it was.

  KEYS  1 idempotency
  ARGV  1 digest of the request  2 campaign id to use  3 its time of creation, ms  4 how long the key holds, ms
  Returns {digest, id, createdAt} of the request that the key belongs to.
]]
local held = redis.call('GET', KEYS[1])
if not held then
  held = table.concat({ ARGV[1], ARGV[2], ARGV[3] }, ' ')
  redis.call('SET', KEYS[1], held, 'PX', ARGV[4])
end
local digest, id, created = string.match(held, '^(%S+) (%S+) (%S+)$')
return { digest, id, created }
