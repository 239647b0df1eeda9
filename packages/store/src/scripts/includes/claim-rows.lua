-- A claim's value is "chunk;claimed at, ms;serial;row:attempt,row:attempt,…": which of its process' claims it is, and the
-- rows it was made of, in order, without those that came back unsent. It holds those of them that are still `sending`
-- under that attempt. Rows are three digits long: older claims, which are read too, have them without zeros.
--
-- Nearly all claims are one run of first attempts. The list of that is a part of this text, which takes no work to find.
local FIRST_ATTEMPTS = '@first-attempts@'
local PAIR_LENGTH = 6

-- "row:1,…" of rows first..last.
local function first_attempts(first, last)
  return string.sub(FIRST_ATTEMPTS, first * PAIR_LENGTH + 1, (last + 1) * PAIR_LENGTH - 1)
end

-- The next rows of a claim, as a run of their own or as part of the last one. A run is {first row, last row, attempt}.
local function add_rows(runs, first, last, attempt)
  local run = runs[#runs]
  if run and run[2] == first - 1 and run[3] == attempt then
    run[2] = last
  else
    runs[#runs + 1] = { first, last, attempt }
  end
end

-- Returns chunk, runs in order of rows, claimed at, serial.
local function parse_claim(value)
  local chunk, claimed_at, serial, list = string.match(value, '^(%d+);(%d+);(%d+);(.*)$')
  local first, last = tonumber(string.match(list, '^(%d+):')), tonumber(string.match(list, '(%d+):%d+$'))
  local runs = {}
  if list == first_attempts(first, last) then
    runs[1] = { first, last, 1 }
  else
    for row, attempt in string.gmatch(list, '(%d+):(%d+)') do
      add_rows(runs, tonumber(row), tonumber(row), tonumber(attempt))
    end
  end
  return tonumber(chunk), runs, tonumber(claimed_at), tonumber(serial)
end

local function format_claim(chunk, runs, claimed_at, serial)
  local list = {}
  for _, run in ipairs(runs) do
    if run[3] == 1 then
      list[#list + 1] = first_attempts(run[1], run[2])
    else
      for row = run[1], run[2] do list[#list + 1] = string.format('%03d:%d', row, run[3]) end
    end
  end
  return string.format('%d;%.0f;%d;', chunk, claimed_at, serial) .. table.concat(list, ',')
end

-- What is left of a claim's runs; the rows that are not are runs {first row, last row} within them, both in order of rows.
local function without_rows(runs, gone)
  local left, at = {}, 1
  for _, run in ipairs(runs) do
    local first = run[1]
    while gone[at] and gone[at][1] <= run[2] do
      if gone[at][1] > first then left[#left + 1] = { first, gone[at][1] - 1, run[3] } end
      first = gone[at][2] + 1
      at = at + 1
    end
    if first <= run[2] then left[#left + 1] = { first, run[2], run[3] } end
  end
  return left
end

-- Whether the claim still holds a row, by the states of its chunk.
local function is_any_sending(runs, states)
  for _, run in ipairs(runs) do
    local found = string.find(states, string.char(3 + run[3] * 16), run[1] + 1, true)
    if found and found <= run[2] + 1 then return true end
  end
  return false
end
