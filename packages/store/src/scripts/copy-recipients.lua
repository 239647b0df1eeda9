#!lua
--[[
  Give a run of a recurring campaign the next piece of its parent's recipients, all of them pending. Pieces come in
  order; a piece that was taken already changes nothing.

  KEYS  1 campaign (the run)  2 counts  3 states  4 agenda
  ARGV  1 offset of the piece, bytes  2 its ledger bytes  3 how many of them are recipients  4.. chunks that have any
  Returns {'copied', offset after it} | {'moved', offset} : another process copied it | {'stopped', 0}: no draft any more
]]
local run = redis.call('HMGET', KEYS[1], 'status', 'copied')
if run[1] ~= 'draft' then return { 'stopped', 0 } end
local offset = tonumber(ARGV[1])
if tonumber(run[2] or 0) ~= offset then return { 'moved', tonumber(run[2] or 0) } end

if tonumber(ARGV[3]) > 0 then
  redis.call('SETRANGE', KEYS[3], offset, ARGV[2])
  redis.call('HINCRBY', KEYS[2], 'recipients', ARGV[3])
  redis.call('HINCRBY', KEYS[2], 'pending', ARGV[3])
  for i = 4, #ARGV do
    redis.call('ZADD', KEYS[4], 0, ARGV[i])
  end
end
local after = offset + #ARGV[2]
redis.call('HSET', KEYS[1], 'copied', after)
return { 'copied', after }
