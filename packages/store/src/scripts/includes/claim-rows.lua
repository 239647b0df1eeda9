-- A claim's value is "chunk;row:attempt,row:attempt,…": the rows it still holds.
local function parse_claim(value)
  local chunk, list = string.match(value, '^(%d+);(.*)$')
  local rows = {}
  for row, attempt in string.gmatch(list, '(%d+):(%d+)') do
    rows[tonumber(row)] = tonumber(attempt)
  end
  return tonumber(chunk), rows
end

local function format_claim(chunk, rows)
  local list = {}
  -- In order of rows, for a claim that is asked again gives the same answer.
  for row = 0, 499 do
    if rows[row] then list[#list + 1] = row .. ':' .. rows[row] end
  end
  if #list == 0 then return nil end
  return chunk .. ';' .. table.concat(list, ',')
end
