-- A running campaign with nobody left to send to is completed, in the step that settled the last one.
-- With onUnknown = resend, an unknown recipient is still open.
local function complete_campaign(campaign_key, counts_key, now)
  local campaign = redis.call('HMGET', campaign_key, 'status', 'onUnknown')
  if campaign[1] ~= 'running' then return false end
  local left = redis.call('HMGET', counts_key, 'pending', 'sending', 'unknown')
  local open = tonumber(left[1] or 0) + tonumber(left[2] or 0)
  if campaign[2] == 'resend' then open = open + tonumber(left[3] or 0) end
  if open > 0 then return false end
  redis.call('HSET', campaign_key, 'status', 'completed', 'endedAt', now)
  return true
end
