#!lua flags=allow-oom
--[[
  Count things that may be told of again: each id counts once while it is remembered. What is remembered lies in sets that
  expire by themselves and hold no more than so many; beyond that nothing is counted, for it could not be told apart.

  KEYS  1 counts  2.. sets of ids that were counted
  ARGV  1 how long a set is kept, ms  2 ids a set may hold  then three a thing: which set (2 ..), its id, the field it counts in
  Returns {counted, not counted for a set was full}
]]
--- @include counts

local keep, most = ARGV[1], tonumber(ARGV[2])
local size = {}
local counted, overflow = 0, 0
for i = 3, #ARGV, 3 do
  local set = KEYS[tonumber(ARGV[i])]
  if not size[set] then size[set] = redis.call('SCARD', set) end
  if size[set] >= most then
    if redis.call('SISMEMBER', set, ARGV[i + 1]) == 0 then overflow = overflow + 1 end
  elseif redis.call('SADD', set, ARGV[i + 1]) == 1 then
    if size[set] == 0 then redis.call('PEXPIRE', set, keep) end
    size[set] = size[set] + 1
    counted = counted + 1
    count(ARGV[i + 2], 1)
  end
end
write_counts(KEYS[1])
return { counted, overflow }
