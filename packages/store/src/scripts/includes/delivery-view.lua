-- What a set of facts counts as: the same function as viewOf in packages/delivery/src/facts.ts.
-- Needs counts.lua before it.
local function has_fact(facts, fact)
  return facts % (fact + fact) >= fact
end

local function view_of(facts)
  local read = has_fact(facts, 4)
  local delivered = read or has_fact(facts, 2)
  local sent = delivered or has_fact(facts, 1)
  local failed_seen = has_fact(facts, 8)
  local failed = failed_seen and not delivered
  local fell_back = has_fact(facts, 128) and not has_fact(facts, 64)
  local undelivered = has_fact(facts, 32) and not delivered and not failed and not fell_back
  return {
    ['delivery:sent'] = sent,
    ['delivery:delivered'] = delivered,
    ['delivery:read'] = read,
    ['delivery:failed'] = failed,
    ['delivery:undelivered'] = undelivered,
    ['delivery:held'] = has_fact(facts, 16) and not sent and not undelivered and not failed_seen,
    ['route:marketing_lite'] = has_fact(facts, 64),
    ['route:marketing'] = fell_back,
  }
end

-- Move the delivery counters from what `before` counted as to what `after` counts as, for one message or for many.
local function count_view(before, after, messages)
  if before == after then return end
  local old, new = view_of(before), view_of(after)
  for field, value in pairs(new) do
    if value ~= old[field] then count(field, (value and 1 or -1) * (messages or 1)) end
  end
end
