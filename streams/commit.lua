#!lua
-- The one way to write: append events, store the job's state, enqueue, settle and release tasks.
--
-- KEYS  1 log (stream)  2 head (hash seq, id, epoch)  3 job (hash rev, state, last, schema)
--       then for each engine i: queue (stream)  backlog (zset)  fair (hash v, t:<tenant>)
-- ARGV  schema, job id, expected rev, state, ttl of the state in ms or 0, window,
--       number of events,  each: id, type, time, tenant, meta, data
--       number of tasks,   each: engine, member, tenant, cost, boost   (member: job|stage|token|tenant)
--       number of settled, each: engine, entry id                      (engine: 1, 2 … as in KEYS)
-- ->    {OK, rev, first seq, s, us}   done now, or by an earlier call with the same arguments
--       {CONFLICT, rev, state or "", s, us}   the job is not at the expected rev: nothing changed
-- errors, nothing changed:  NOLOG  SCHEMA  INCONSISTENT  TOOLARGE, and Redis's own
--
-- With no events it only settles and releases. A script is atomic but is not rolled back: every
-- read and check stands before the first write, and the writes cannot fail.
local GROUP, HARD_LIMIT = 'engines', 65536
local at = 0
local function arg() at = at + 1; return ARGV[at] end

-- arguments ---------------------------------------------------------------------------------
local schema, job_id, expected = tonumber(arg()), arg(), tonumber(arg())
local state, ttl, window = arg(), tonumber(arg()), tonumber(arg())
local events, tasks, settled = {}, {}, {}
for i = 1, tonumber(arg()) do
  events[i] = {id = arg(), type = arg(), time = arg(), tenant = arg(), meta = arg(), data = arg()}
  if #events[i].data + #events[i].meta > HARD_LIMIT then
    return redis.error_reply('TOOLARGE ' .. events[i].type .. ' is over 65536 bytes')
  end
end
for i = 1, tonumber(arg()) do
  tasks[i] = {engine = tonumber(arg()), member = arg(), tenant = arg(),
              cost = tonumber(arg()), boost = tonumber(arg())}
end
for i = 1, tonumber(arg()) do settled[i] = {engine = tonumber(arg()), entry = arg()} end

-- reads and checks --------------------------------------------------------------------------
local time = redis.call('TIME')
local head, seq, prev, epoch
if #events > 0 then
  head = redis.call('HMGET', KEYS[2], 'seq', 'id', 'epoch')
  local job = redis.call('HMGET', KEYS[3], 'rev', 'state', 'last', 'schema')
  local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  if not head[1] then return redis.error_reply('NOLOG there is no log here') end
  if tonumber(job[4] or 0) > schema then
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
  local rev = tonumber(job[1] or 0)
  if rev ~= expected then
    if job[3] == events[#events].id then
      return {'OK', rev, seq - #events + 1, time[1], time[2]}
    end
    return {'CONFLICT', rev, job[2] or '', time[1], time[2]}
  end
end

-- Start-time fair queueing: a task starts where its tenant's last one ended, or now; the cost is
-- audio seconds over the tenant's weight; the boost of a priority moves it forward.
local plans = {}
for i = 1, (#KEYS - 3) / 3 do
  local queue, backlog, fair = KEYS[3 * i + 1], KEYS[3 * i + 2], KEYS[3 * i + 3]
  local pending = redis.pcall('XPENDING', queue, GROUP)
  local waiting = redis.call('XLEN', queue) - (pending.err and 0 or pending[1])
  local free = math.max(0, window - waiting)
  local plan = {queue = queue, backlog = backlog, fair = fair, free = free, ends = {}, fresh = {},
                size = redis.call('ZCARD', backlog),
                v = tonumber(redis.call('HGET', fair, 'v') or 0)}
  plan.first = redis.call('ZRANGE', backlog, 0, free, 'WITHSCORES')
  for _, task in ipairs(tasks) do
    if task.engine == i then
      local ends = plan.ends[task.tenant]
          or tonumber(redis.call('HGET', fair, 't:' .. task.tenant) or 0)
      local start = math.max(plan.v, ends)
      plan.ends[task.tenant] = start + task.cost
      plan.fresh[#plan.fresh + 1] = {member = task.member, score = start - task.boost, fresh = true}
    end
  end
  plans[i] = plan
end

-- writes ------------------------------------------------------------------------------------
local first = seq and seq + 1 or 0
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
  if ttl > 0 then redis.call('PEXPIRE', KEYS[3], ttl) end
end
for _, done in ipairs(settled) do
  redis.call('XACK', plans[done.engine].queue, GROUP, done.entry)
  redis.call('XDEL', plans[done.engine].queue, done.entry)
end
for _, plan in ipairs(plans) do
  local line = plan.fresh
  for i = 1, #plan.first, 2 do
    line[#line + 1] = {member = plan.first[i], score = tonumber(plan.first[i + 1])}
  end
  table.sort(line, function(a, b)
    if a.score ~= b.score then return a.score < b.score end
    return a.member < b.member
  end)
  for i, task in ipairs(line) do
    if i <= plan.free then
      local job, stage, token, tenant = string.match(task.member, '^(.-)|(.-)|(.-)|(.*)$')
      redis.call('XADD', plan.queue, '*', 'job', job, 'stage', stage, 'token', token, 'tenant', tenant)
      if not task.fresh then
        redis.call('ZREM', plan.backlog, task.member)
        plan.size = plan.size - 1
      end
      plan.v = math.max(plan.v, task.score)
    elseif task.fresh then
      redis.call('ZADD', plan.backlog, string.format('%.6f', task.score), task.member)
      plan.size = plan.size + 1
    end
  end
  -- Nobody waits: what the tenants owe each other is forgotten, and the key goes.
  if plan.size == 0 then
    redis.call('DEL', plan.fair)
  else
    redis.call('HSET', plan.fair, 'v', string.format('%.6f', plan.v))
    for tenant, ends in pairs(plan.ends) do
      redis.call('HSET', plan.fair, 't:' .. tenant, string.format('%.6f', ends))
    end
  end
end
return {'OK', expected + #events, first, time[1], time[2]}
