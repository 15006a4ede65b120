#!lua flags=allow-oom
-- Renew a lease: reset the idle time of a queue entry, if this consumer still owns it.
--
-- KEYS  1 queue
-- ARGV  group, consumer, entry id
-- ->    1 renewed, 0 somebody else owns the entry or it is gone
-- ACL   reads and writes KEYS[1] and no other key, with  xpending xclaim
--
-- It takes no memory, so a server that is full runs it: a lease is not lost for want of memory.
local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
if #held == 0 then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
return 1
