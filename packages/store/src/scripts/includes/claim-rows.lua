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
  for row, attempt in pairs(rows) do
    list[#list + 1] = row .. ':' .. attempt
  end
  if #list == 0 then return nil end
  return chunk .. ';' .. table.concat(list, ',')
end
