#!lua flags=allow-oom
--[[
  Forget consumers of the webhook log that hold nothing and have long been silent: every start of a process brings a new one.

  KEYS  1 log
  ARGV  1 consumer group  2 silent for at least this long, ms
  Returns how many were forgotten
]]
local forgotten = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local fields = {}
  for i = 1, #consumer, 2 do fields[consumer[i]] = consumer[i + 1] end
  if fields['pending'] == 0 and fields['idle'] >= tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], fields['name'])
    forgotten = forgotten + 1
  end
end
return forgotten
