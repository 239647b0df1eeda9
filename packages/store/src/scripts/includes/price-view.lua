-- What a message is billed as: the same function as priceKindOf in packages/delivery/src/prices.ts; false: nothing yet.
-- Needs delivery-view.lua before it.
local UNUSUAL_PRICES = {
  { 2, 'utility' }, { 4, 'authentication' }, { 8, 'authentication_international' }, { 16, 'service' },
  { 32, 'referral_conversion' }, { 64, 'other' },
}

local function price_kind_of(facts, prices)
  if not has_fact(facts, 2) and not has_fact(facts, 4) then return false end
  if has_fact(prices, 1) then return 'free' end
  if has_fact(facts, 64) then return 'marketing_lite' end
  if has_fact(facts, 128) then return 'marketing' end
  if prices == 0 then return false end
  for _, unusual in ipairs(UNUSUAL_PRICES) do
    if has_fact(prices, unusual[1]) then return unusual[2] end
  end
  return false
end

-- Move the counters from what one message was billed as to what it is, or those of many. `country`: two letters as one number.
local function count_price(was, is, country, messages)
  if was == is then return end
  local letters = ':' .. string.char(math.floor(country / 256), country % 256)
  if was then count('price:' .. was .. letters, -(messages or 1)) end
  if is then count('price:' .. is .. letters, messages or 1) end
end
