-- Deletes keys (KEYS from the second on) if the checkpoint (the first) is the expected one: whoever made another copy
-- meanwhile may have written them.

if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
  return 0
end
redis.call('UNLINK', unpack(KEYS, 2))
return 1
