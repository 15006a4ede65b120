#!lua
-- The one way to write: append events, store the job's state, enqueue, settle and release tasks.
--
-- KEYS  1 log (stream)  2 head (hash seq, id, epoch)  3 job (hash rev, state, last, schema)
--       then for each engine: queue (stream)  backlog (zset)  fair (hash v, t:<tenant>)
-- ARGV  schema, job id, expected rev, expected last event of the job or "",
--       second of TIME until which this may be written or 0, state, ttl of the state in ms or 0,
--       1 when the job had ended (its state may have left Redis) or 0, window,
--       number of events,  each: id, type, time, tenant, meta, data
--       number of tasks,   each: engine, member, tenant, cost, boost   (member: job|stage|token|tenant)
--       number of settled, each: engine, entry id                      (engine: 1, 2 … as in KEYS)
-- ->    {OK, rev, "", s, us}              done now, or by an earlier call with the same arguments
--       {CONFLICT, rev, state or "", s, us, last}  the job is not at the expected rev, or at the
--       same one of another history, for Redis was lost in between: nothing changed
-- errors, nothing changed:  NOLOG  SCHEMA  INCONSISTENT  STALE  TOOLARGE  MALFORMED  NOPERM, and
--       Redis's own
-- ACL   reads and writes KEYS and no other key, with
--       time hmget hget xrevrange exists xinfo|stream xpending xlen xrange zscore zrange zcard
--       xadd hset pexpire xack xdel zadd zrem del
--
-- Without events the tasks are of the state as it is: those that no queue holds are enqueued. Without
-- either it only settles and releases. A script is atomic but is not rolled back: every read and
-- check stands before the first write, and the writes cannot fail. A server that is full, a replica
-- or without its disk refuses the script at its start (no flags), and never in its middle.
local GROUP, HARD_LIMIT = 'engines', 65536
local EXACT = 2 ^ 53 - 1   -- the largest number up to which Lua counts by ones
local LONGEST = 1e12       -- audio seconds: no cost or boost is over 30,000 years
local function malformed(what) error({err = 'MALFORMED ' .. what}) end
local function whole(text, most)
  local value = string.match(text or '', '^%d+$') and tonumber(text)
  return value and value <= (most or EXACT) and value
end
local function finite(text)  -- what is no number in a key that others wrote to counts as 0
  local value = tonumber(text or '')
  return value and value == value and math.abs(value) < math.huge and value or 0
end

-- arguments ---------------------------------------------------------------------------------
local at = 0
local function arg(what)
  at = at + 1
  return ARGV[at] or malformed(what .. ' is missing')
end
local function count(what, most)
  return whole(arg(what), most) or malformed(what .. ' is no whole number, or too large')
end
local function seconds(what, least)
  local value = tonumber(arg(what))
  if not value or not (value >= least and value <= LONGEST) then malformed(what .. ' is out of range') end
  return value
end
local function engine()
  local i = count('engine')
  return i > 0 and KEYS[3 * i + 3] and i or malformed('an engine without keys')
end

local schema, job_id, expected = count('schema'), arg('job'), count('rev', EXACT - #ARGV)
local was, limit = arg('last'), count('until')
local state, ttl, ended, window = arg('state'), count('ttl'), arg('ended') == '1', count('window')
local events, tasks, settled = {}, {}, {}
for i = 1, count('number of events', #ARGV) do
  local event = {id = arg('id'), type = arg('type'), time = arg('time'), tenant = arg('tenant'),
                 meta = arg('meta'), data = arg('data')}
  local bytes = #job_id
  for _, field in pairs(event) do bytes = bytes + #field end
  if bytes > HARD_LIMIT then
    return redis.error_reply('TOOLARGE ' .. string.sub(event.type, 1, 99) .. ' is over 65536 bytes')
  end
  events[i] = event
end
for i = 1, count('number of tasks', #ARGV) do
  tasks[i] = {engine = engine(), member = arg('member'), tenant = arg('tenant'),
              cost = seconds('cost', 0), boost = seconds('boost', -LONGEST)}
end
for i = 1, count('number of settled', #ARGV) do
  settled[i] = {engine = engine(), entry = arg('entry')}
  local ms, n = string.match(settled[i].entry, '^(%d+)%-(%d+)$')
  if not ms or #ms > 19 or #n > 19 then malformed('an entry id that is none') end
end
if at < #ARGV then malformed('more arguments than were counted') end

-- reads and checks --------------------------------------------------------------------------
local time = redis.call('TIME')
local requeue = #events == 0 and #tasks > 0
local seq, prev, epoch
if #events > 0 then
  local head = redis.call('HMGET', KEYS[2], 'seq', 'id', 'epoch')
  local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  if not (head[1] and head[2] and head[3]) then
    return redis.error_reply('NOLOG there is no log here')
  end
  seq, prev, epoch = whole(head[1], EXACT - #events), head[2], head[3]
  local top = last and last[1]
  if not top and redis.call('EXISTS', KEYS[1]) == 1 then
    local info = redis.call('XINFO', 'STREAM', KEYS[1])
    for i = 1, #info, 2 do if info[i] == 'last-generated-id' then top = info[i + 1] end end
  end
  if not seq or (top and top ~= string.format('%d-0', seq)) then
    return redis.error_reply('INCONSISTENT the log ends at ' .. (top or 'no event') ..
                             ', the head at ' .. string.sub(head[1], 1, 99))
  end
end
if #events > 0 or requeue then
  local job = redis.call('HMGET', KEYS[3], 'rev', 'state', 'last', 'schema')
  if finite(job[4]) > schema then
    return redis.error_reply('SCHEMA the state has schema ' .. job[4] .. ', this writer knows ' .. schema)
  end
  local rev = finite(job[1])
  local other = rev ~= expected or (was ~= '' and was ~= (job[3] or ''))
  if other and not (ended and not job[1]) then
    local again = #events > 0 and job[3] == events[#events].id
    return {again and 'OK' or 'CONFLICT', rev, not again and job[2] or '', time[1], time[2], job[3] or ''}
  end
  -- A state that has ended leaves Redis in a while, and with it what tells a repeat from a first.
  if limit > 0 and tonumber(time[1]) > limit then
    return redis.error_reply('STALE this was decided too long ago, and may have been done since')
  end
end

-- What a queue holds already is not enqueued again: an attempt stands in one place.
local held = {}
local function look(queue, backlog)
  for _, entry in ipairs(redis.call('XRANGE', queue, '-', '+')) do
    local task = {}
    for i = 1, #entry[2], 2 do task[entry[2][i]] = entry[2][i + 1] end
    held[table.concat({task.job or '', task.stage or '', task.token or '', task.tenant or ''}, '|')] = true
  end
  for _, task in ipairs(tasks) do
    if redis.call('ZSCORE', backlog, task.member) then held[task.member] = true end
  end
end

-- Start-time fair queueing: a task starts where its tenant's last one ended, or now; the cost is
-- audio seconds over the tenant's weight; the boost of a priority moves it forward.
local plans = {}
for i = 1, (#KEYS - 3) / 3 do
  local queue, backlog, fair = KEYS[3 * i + 1], KEYS[3 * i + 2], KEYS[3 * i + 3]
  local pending = redis.pcall('XPENDING', queue, GROUP)
  if pending.err and not string.find(pending.err, 'NOGROUP') then return pending end
  local ready = math.max(0, redis.call('XLEN', queue) - (pending.err and 0 or pending[1]))
  if requeue then look(queue, backlog) end
  local free = math.max(0, window - ready)
  local first = redis.call('ZRANGE', backlog, 0, free, 'WITHSCORES')
  local size = redis.call('ZCARD', backlog)
  local v, ends, line = finite(redis.call('HGET', fair, 'v')), {}, {}
  for j = 1, #first, 2 do
    line[#line + 1] = {member = first[j], score = tonumber(first[j + 1])}
  end
  for _, task in ipairs(tasks) do
    if task.engine == i and not held[task.member] then
      held[task.member] = true
      local last = ends[task.tenant] or finite(redis.call('HGET', fair, 't:' .. task.tenant))
      local start = math.max(v, last)
      ends[task.tenant] = start + task.cost
      line[#line + 1] = {member = task.member, score = start - task.boost, fresh = true}
    end
  end
  for _, task in ipairs(line) do
    task.job, task.stage, task.token, task.tenant =
      string.match(task.member, '^(.-)|(.-)|(%d+)|(.*)$')
    if not task.job then
      return redis.error_reply('INCONSISTENT the backlog holds no task but ' ..
                               string.sub(task.member, 1, 99))
    end
  end
  table.sort(line, function(a, b)
    if a.score ~= b.score then return a.score < b.score end
    return a.member < b.member
  end)
  plans[i] = {queue = queue, backlog = backlog, fair = fair, free = free, line = line,
              left = size + ready, ends = ends, v = v}
end

-- A right that the caller lacks would fail a write in the middle: each is asked for before.
local function needs(key, ...)
  for _, command in ipairs({...}) do
    if not redis.acl_check_cmd(command, key) then
      error({err = 'NOPERM no right to ' .. command .. ' ' .. key})
    end
  end
end
if #events > 0 then
  needs(KEYS[1], 'XADD')
  needs(KEYS[2], 'HSET')
  needs(KEYS[3], 'HSET')
  if ttl > 0 then needs(KEYS[3], 'PEXPIRE') end
end
for _, done in ipairs(settled) do needs(plans[done.engine].queue, 'XACK', 'XDEL') end
for _, plan in ipairs(plans) do
  needs(plan.queue, 'XADD')
  needs(plan.backlog, 'ZADD', 'ZREM')
  needs(plan.fair, 'HSET', 'DEL')
end

-- writes ------------------------------------------------------------------------------------
for i, event in ipairs(events) do
  seq = seq + 1
  redis.call('XADD', KEYS[1], string.format('%d-0', seq), 'id', event.id, 'type', event.type,
             'time', event.time, 'job', job_id, 'rev', expected + i, 'tenant', event.tenant,
             'prev', prev, 'epoch', epoch, 'meta', event.meta, 'data', event.data)
  prev = event.id
end
if #events > 0 then
  redis.call('HSET', KEYS[2], 'seq', string.format('%d', seq), 'id', prev)
  redis.call('HSET', KEYS[3], 'rev', expected + #events, 'state', state, 'last', prev,
             'schema', schema)
  if ttl > 0 then redis.call('PEXPIRE', KEYS[3], string.format('%d', ttl)) end
end
for _, done in ipairs(settled) do
  redis.call('XACK', plans[done.engine].queue, GROUP, done.entry)
  redis.call('XDEL', plans[done.engine].queue, done.entry)
end
for _, plan in ipairs(plans) do
  for i, task in ipairs(plan.line) do
    -- XADD alone can fail: on a queue that somebody gave the last id of all. Then its tasks wait.
    local placed = i <= plan.free and redis.pcall('XADD', plan.queue, '*', 'job', task.job,
      'stage', task.stage, 'token', task.token, 'tenant', task.tenant)
    if placed and not placed.err then
      plan.left = plan.left + 1 - redis.call('ZREM', plan.backlog, task.member)
      plan.v = math.max(plan.v, task.score)
    elseif task.fresh then
      plan.left = plan.left
          + redis.call('ZADD', plan.backlog, string.format('%.6f', task.score), task.member)
    end
    if placed and placed.err then
      redis.log(redis.LOG_WARNING, plan.queue .. ' takes no entry, delete it: ' .. placed.err)
    end
  end
  -- Nobody waits or stands ready: what the tenants owe each other is forgotten, and the key goes.
  if plan.left == 0 then
    redis.call('DEL', plan.fair)
  else
    redis.call('HSET', plan.fair, 'v', string.format('%.6f', plan.v))
    for tenant, ends in pairs(plan.ends) do
      redis.call('HSET', plan.fair, 't:' .. tenant, string.format('%.6f', ends))
    end
  end
end
return {'OK', expected + #events, '', time[1], time[2]}
