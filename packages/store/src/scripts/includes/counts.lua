-- Collect counter moves and write them once, at the end of the script.
local moves = {}

local function count(field, by)
  moves[field] = (moves[field] or 0) + by
end

local function write_counts(counts_key)
  for field, by in pairs(moves) do
    if by ~= 0 then redis.call('HINCRBY', counts_key, field, by) end
  end
end
