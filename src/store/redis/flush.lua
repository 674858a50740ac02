-- Writes the changes of a shard if its checkpoint is the expected one, and sets the next: all of it or nothing.
--
-- KEYS  checkpoint, directory of due buckets, the due buckets touched, keys to set, keys to delete
-- ARGV  expected checkpoint (empty: none), next one, the one that says "damaged", number of buckets, number of keys to set;
--       for each bucket: its name, how many arguments to ZADD, these, how many to ZREM, these;
--       the values of the keys to set
--
-- The first write marks the copy as damaged, the last one sets the next checkpoint. What Redis refuses to do now (out of
-- memory, a replica) it refuses at the first write, and nothing has happened; any later error leaves the mark.

if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
  return 0
end
local mark = redis.pcall('SET', KEYS[1], ARGV[3])
if mark.err then
  return mark
end

local SLICE = 2000 -- arguments a call; Lua can't unpack more than some 8,000
local buckets, sets = tonumber(ARGV[4]), tonumber(ARGV[5])
local at = 6

-- Calls a command on a key with arguments, in slices.
local function call_all(command, key, arguments, first, last)
  for from = first, last, SLICE do
    redis.call(command, key, unpack(arguments, from, math.min(from + SLICE - 1, last)))
  end
end

local function call_next(command, key)
  local first = at + 1
  local last = at + tonumber(ARGV[at])
  call_all(command, key, ARGV, first, last)
  at = last + 1
end

-- The directory holds each bucket with its earliest entry, so that a load finds at once whether anything is due.
local function write_due()
  local filled, emptied = {}, {}
  for key = 3, 2 + buckets do
    local bucket = ARGV[at]
    at = at + 1
    call_next('ZADD', KEYS[key])
    call_next('ZREM', KEYS[key])
    local earliest = redis.call('ZRANGE', KEYS[key], 0, 0, 'WITHSCORES')[2]
    if earliest then
      filled[#filled + 1] = earliest
      filled[#filled + 1] = bucket
    else
      emptied[#emptied + 1] = bucket
    end
  end
  call_all('ZADD', KEYS[2], filled, 1, #filled)
  call_all('ZREM', KEYS[2], emptied, 1, #emptied)
end

local function write_states()
  local first_set = 3 + buckets
  local first_deleted = first_set + sets
  for from = first_set, first_deleted - 1, SLICE / 2 do
    local pairs, filled = {}, 0
    for key = from, math.min(from + SLICE / 2, first_deleted) - 1 do
      pairs[filled + 1] = KEYS[key]
      pairs[filled + 2] = ARGV[at + key - first_set]
      filled = filled + 2
    end
    redis.call('MSET', unpack(pairs, 1, filled))
  end
  for from = first_deleted, #KEYS, SLICE / 2 do
    redis.call('DEL', unpack(KEYS, from, math.min(from + SLICE / 2 - 1, #KEYS)))
  end
end

write_due()
write_states()
redis.call('SET', KEYS[1], ARGV[2])
return 1
