-- A claim's value is "chunk;claimed at, ms;serial;row:attempt,row:attempt,…": which of its process' claims it is, and the
-- rows it still holds.
local function parse_claim(value)
  local chunk, claimed_at, serial, list = string.match(value, '^(%d+);(%d+);(%d+);(.*)$')
  local rows = {}
  for row, attempt in string.gmatch(list, '(%d+):(%d+)') do
    rows[tonumber(row)] = tonumber(attempt)
  end
  return tonumber(chunk), rows, tonumber(claimed_at), tonumber(serial)
end

local function format_claim(chunk, rows, claimed_at, serial)
  local list = {}
  -- In order of rows, for a claim that is asked again gives the same answer.
  for row = 0, 499 do
    if rows[row] then list[#list + 1] = row .. ':' .. rows[row] end
  end
  if #list == 0 then return nil end
  return string.format('%d;%.0f;%d;', chunk, claimed_at, serial) .. table.concat(list, ',')
end
