#!lua flags=allow-oom
-- Hand a task over: give a queue entry that this consumer owns to another one that is free.
--
-- KEYS  1 queue
-- ARGV  group, owner, entry id, receiver, milliseconds within which the receiver must have asked
-- ->    1 handed over, 0 kept: the receiver is not free, -1 the entry is not the owner's
-- ACL   reads and writes KEYS[1] and no other key, with  xpending xinfo|consumers xclaim
--
-- Free is who holds nothing and asked for work a moment ago: one that left, died or is busy would
-- let the lease run out. The lease begins anew. Nothing is refused for want of memory: see renew.lua.
local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
if #held == 0 then return -1 end
local free = false
for _, told in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local one = {}
  for i = 1, #told, 2 do one[told[i]] = told[i + 1] end
  if one.name == ARGV[4] then
    free = one.pending == 0 and one.idle <= tonumber(ARGV[5])
  end
end
if not free then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[4], 0, ARGV[3], 'JUSTID')
return 1
