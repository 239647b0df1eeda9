#!lua flags=allow-oom
--[[
  A status-worker takes webhooks at this moment. Silence longer than a gap was an outage: what Meta could not deliver
  meanwhile comes again by and by, the later the longer nobody was there (the waits between its attempts grow with the
  outage), so the silence of webhooks means something only twice the outage after its end. Noting twice changes nothing.

  KEYS  1 receiver
  ARGV  1 gap, ms
  Returns {now, silence means something from here on, ms}
]]
--- @include redis-now

local now = redis_now()
local receiver = redis.call('HMGET', KEYS[1], 'seen', 'steady')
local seen, steady = tonumber(receiver[1]), tonumber(receiver[2])
if not seen then
  steady = now
elseif now - seen > tonumber(ARGV[1]) then
  steady = math.max(steady, now + 2 * (now - seen))
end
redis.call('HSET', KEYS[1], 'seen', now, 'steady', steady)
return { now, steady }
