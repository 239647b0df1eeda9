-- A chunk is 500 ordinals; its ledger bytes are read and written as one range.
local CHUNK_ROWS = 500

-- The bytes of a chunk as text; shorter where the string ends.
local function read_text(key, chunk)
  return redis.call('GETRANGE', key, chunk * CHUNK_ROWS, chunk * CHUNK_ROWS + CHUNK_ROWS - 1)
end

-- The same as a table, from 1.
local function read_bytes(key, chunk)
  return { string.byte(read_text(key, chunk), 1, -1) }
end

-- Write bytes first..last (rows from 0) of a chunk back.
local function write_bytes(key, chunk, bytes, first, last)
  redis.call('SETRANGE', key, chunk * CHUNK_ROWS + first, string.char(unpack(bytes, first + 1, last + 1)))
end
