-- Milliseconds since 1970 by Redis' own clock: the only clock the ledger trusts.
local function redis_now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
