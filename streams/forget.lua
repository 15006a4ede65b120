#!lua flags=allow-oom
-- Delete a consumer, unless anything is pending with it: its tasks would be nobody's for ever.
--
-- KEYS  1 queue
-- ARGV  group, consumer
-- ->    1 deleted or never there, 0 something is pending with it
-- ACL   reads and writes KEYS[1] and no other key, with  xpending xgroup|delconsumer
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
