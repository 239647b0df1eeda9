#!lua flags=allow-oom
--[[
  Pause a sender: no slots are handed out for it any more (grant-slots.lua). Asked twice, the first pause stays, with who
  gave it and why. Asked again after it was lifted (a replay that came late) it pauses anew: seen, and nothing is sent.

  KEYS  1 blocks
  ARGV  1 why  2 who
  Returns the pause in force, JSON. `token` only grows from one pause of a sender to the next.
]]
local held = redis.call('HGET', KEYS[1], 'paused')
if held then return held end
local time = redis.call('TIME')
local pause = cjson.encode({
  since = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000),
  ['until'] = cjson.null,
  code = cjson.null,
  detail = ARGV[1],
  by = ARGV[2],
  token = string.format('%016.0f', tonumber(time[1]) * 1000000 + tonumber(time[2])),
})
redis.call('HSET', KEYS[1], 'paused', pause)
return pause
