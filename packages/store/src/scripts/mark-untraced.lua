#!lua flags=allow-oom
--[[
  Messages of a campaign leave without callback data, from here on: no status can tell of one whose answer is lost, so nobody
  of it is sent to again for that. Marking twice changes nothing.

  KEYS  1 campaign
  Returns 1, or 0 when there is no such campaign
]]
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'untraced', '1')
return 1
