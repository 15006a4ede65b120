#!lua
-- The one way to write: append events, store the job's state, enqueue, settle and release tasks.
--
-- KEYS  1 log (stream)  2 head (hash seq, id, epoch)  3 job (hash rev, state, last, schema)
--       then for each engine: queue (stream)  backlog (zset)  fair (hash v, t:<tenant>)
-- ARGV  schema, job id, expected rev, state, ttl of the state in ms or 0,
--       1 when the job had ended (its state may have left Redis) or 0, window,
--       number of events,  each: id, type, time, tenant, meta, data
--       number of tasks,   each: engine, member, tenant, cost, boost   (member: job|stage|token|tenant)
--       number of settled, each: engine, entry id                      (engine: 1, 2 … as in KEYS)
-- ->    {OK, rev, "", s, us}              done now, or by an earlier call with the same arguments
--       {CONFLICT, rev, state or "", s, us}  the job is not at the expected rev: nothing changed
-- errors, nothing changed:  NOLOG  SCHEMA  INCONSISTENT  TOOLARGE, and Redis's own
--
-- With no events it only enqueues, settles and releases. A script is atomic but is not rolled
-- back: every read and check stands before the first write, and the writes cannot fail.
local GROUP, HARD_LIMIT = 'engines', 65536
local at = 0
local function arg() at = at + 1; return ARGV[at] end
local function number(text) return tonumber(text or 0) or 0 end
local function engine()
  local i = number(arg())
  return KEYS[3 * i + 3] and i > 0 and i or error('an engine without keys')
end

-- arguments ---------------------------------------------------------------------------------
local schema, job_id, expected = tonumber(arg()), arg(), tonumber(arg())
local state, ttl, ended, window = arg(), number(arg()), arg() == '1', tonumber(arg())
local events, tasks, settled = {}, {}, {}
for i = 1, tonumber(arg()) do
  events[i] = {id = arg(), type = arg(), time = arg(), tenant = arg(), meta = arg(), data = arg()}
  if #events[i].data + #events[i].meta > HARD_LIMIT then
    return redis.error_reply('TOOLARGE ' .. events[i].type .. ' is over 65536 bytes')
  end
end
for i = 1, tonumber(arg()) do
  tasks[i] = {engine = engine(), member = arg(), tenant = arg(),
              cost = tonumber(arg()), boost = tonumber(arg())}
end
for i = 1, tonumber(arg()) do
  settled[i] = {engine = engine(), entry = arg()}
  local ms, n = string.match(settled[i].entry, '^(%d+)%-(%d+)$')
  if not ms or #ms > 19 or #n > 19 then error('an entry id that is none') end
end

-- reads and checks --------------------------------------------------------------------------
local time = redis.call('TIME')
local seq, prev, epoch
if #events > 0 then
  local head = redis.call('HMGET', KEYS[2], 'seq', 'id', 'epoch')
  local job = redis.call('HMGET', KEYS[3], 'rev', 'state', 'last', 'schema')
  local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  if not (tonumber(head[1] or '') and head[2] and head[3]) then
    return redis.error_reply('NOLOG there is no log here')
  end
  if number(job[4]) > schema then
    return redis.error_reply('SCHEMA the state has schema ' .. job[4] .. ', this writer knows ' .. schema)
  end
  seq, prev, epoch = tonumber(head[1]), head[2], head[3]
  local top = last and last[1]
  if not top and redis.call('EXISTS', KEYS[1]) == 1 then
    local info = redis.call('XINFO', 'STREAM', KEYS[1])
    for i = 1, #info, 2 do if info[i] == 'last-generated-id' then top = info[i + 1] end end
  end
  if top and top ~= head[1] .. '-0' then
    return redis.error_reply('INCONSISTENT the log ends at ' .. top .. ', the head at ' .. head[1])
  end
  local rev = number(job[1])
  if rev ~= expected and not (ended and not job[1]) then
    local again = job[3] == events[#events].id
    return {again and 'OK' or 'CONFLICT', rev, not again and job[2] or '', time[1], time[2]}
  end
end

-- Start-time fair queueing: a task starts where its tenant's last one ended, or now; the cost is
-- audio seconds over the tenant's weight; the boost of a priority moves it forward.
local plans = {}
for i = 1, (#KEYS - 3) / 3 do
  local queue, backlog, fair = KEYS[3 * i + 1], KEYS[3 * i + 2], KEYS[3 * i + 3]
  local pending = redis.pcall('XPENDING', queue, GROUP)
  local undelivered = math.max(0, redis.call('XLEN', queue) - (pending.err and 0 or pending[1]))
  local free = math.max(0, window - undelivered)
  local first = redis.call('ZRANGE', backlog, 0, free, 'WITHSCORES')
  local size = redis.call('ZCARD', backlog)
  local v, ends, line = number(redis.call('HGET', fair, 'v')), {}, {}
  for j = 1, #first, 2 do
    line[#line + 1] = {member = first[j], score = tonumber(first[j + 1])}
  end
  for _, task in ipairs(tasks) do
    if task.engine == i then
      local last = ends[task.tenant] or number(redis.call('HGET', fair, 't:' .. task.tenant))
      local start = math.max(v, last)
      ends[task.tenant] = start + task.cost
      line[#line + 1] = {member = task.member, score = start - task.boost, fresh = true}
    end
  end
  for _, task in ipairs(line) do
    task.job, task.stage, task.token, task.tenant =
      string.match(task.member, '^(.-)|(.-)|(.-)|(.*)$')
    if not task.job then
      return redis.error_reply('INCONSISTENT the backlog holds no task but ' .. task.member)
    end
  end
  table.sort(line, function(a, b)
    if a.score ~= b.score then return a.score < b.score end
    return a.member < b.member
  end)
  plans[i] = {queue = queue, backlog = backlog, fair = fair, free = free, line = line,
              left = size + undelivered, ends = ends, v = v}
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
    if i <= plan.free then
      redis.call('XADD', plan.queue, '*', 'job', task.job, 'stage', task.stage,
                 'token', task.token, 'tenant', task.tenant)
      plan.left = plan.left + 1 - redis.call('ZREM', plan.backlog, task.member)
      plan.v = math.max(plan.v, task.score)
    elseif task.fresh then
      plan.left = plan.left
          + redis.call('ZADD', plan.backlog, string.format('%.6f', task.score), task.member)
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
