-- Run again after every migration, and when a rebuild has put new tables in place: a view is bound
-- to the tables that it was made on. Columns are only ever added, at the end.
--
-- Every view shows one tenant; security_barrier: no condition of a reader is looked at
-- before that one, so that no error or time of theirs tells of a row that is not theirs.
CREATE OR REPLACE VIEW analytics.events WITH (security_barrier) AS
SELECT e.seq, e.epoch, e.id, e.type, e.time, e.job, e.rev, e.tenant,
       CASE WHEN e.job IN (SELECT id FROM jobs WHERE erased) THEN '{}'
            ELSE analytics.payload(e.meta) END AS meta,
       CASE WHEN e.job IN (SELECT id FROM jobs WHERE erased) THEN '{}'
            ELSE analytics.payload(e.data) END AS data
FROM events AS e
WHERE (SELECT analytics.tenant()) IN (e.tenant, '*');

CREATE OR REPLACE VIEW analytics.jobs WITH (security_barrier) AS
SELECT j.id AS job, j.tenant, j.status, j.filename, j.submitted_at, j.ended_at, j.deadline,
       extract(epoch FROM j.ended_at - j.submitted_at)::double precision AS took_s,
       j.audio_s, s.state -> 'request' ->> 'language' AS language,
       coalesce(s.state -> 'request' -> 'labels', '{}') AS labels,
       s.state -> 'request' AS request, coalesce(s.state -> 'warnings', '[]') AS warnings,
       coalesce(s.state ->> 'reason', '') AS reason, s.state ->> 'again_from' AS again_from,
       j.rev, j.erased
FROM jobs AS j
CROSS JOIN LATERAL (SELECT analytics.payload(j.state) AS state OFFSET 0) AS s
WHERE (SELECT analytics.tenant()) IN (j.tenant, '*');

CREATE OR REPLACE VIEW analytics.stages WITH (security_barrier) AS
SELECT s.job, s.stage, s.tenant, s.engine, s.model, s.status, s.token AS attempt,
       s.ready_at, s.started_at, s.ended_at,
       extract(epoch FROM s.started_at - s.ready_at)::double precision AS wait_s,
       s.wall_s, s.audio_s, s.peak_rss, s.failed, s.lost, s.preempted, s.reason
FROM stages AS s
WHERE (SELECT analytics.tenant()) IN (s.tenant, '*');

CREATE OR REPLACE VIEW analytics.attempts WITH (security_barrier) AS
SELECT ready.job, ready.stage, ready.attempt, ready.tenant, ready.engine,
       ended.usage ->> 'model' AS model,
       coalesce(nullif(ended.usage ->> 'engine_version', ''), started.engine_version)
           AS engine_version,
       coalesce(started.owner, ended.owner) AS owner,
       ready.time AS ready_at, started.time AS started_at, ended.time AS ended_at,
       extract(epoch FROM started.time - ready.time)::double precision AS wait_s,
       CASE WHEN ended.type = 'stage.completed' THEN 'completed'
            WHEN ended.type = 'stage.failed' THEN 'failed'
            WHEN ended.type = 'stage.lost' THEN
                CASE ended.cause WHEN 'preempted' THEN 'preempted' ELSE 'lost' END
            WHEN now.token IS DISTINCT FROM ready.attempt THEN 'void'
            WHEN now.status = 'ready' THEN 'waiting'
            WHEN now.status = 'running' THEN 'running'
            ELSE 'stopped' END AS outcome,
       ended.kind,
       CASE WHEN ready.job IN (SELECT id FROM jobs WHERE erased) THEN ''
            ELSE ended.reason END AS reason,
       analytics.number(ended.usage -> 'wall_s') AS wall_s,
       analytics.number(ended.usage -> 'load_s') AS load_s,
       analytics.number(ended.usage -> 'audio_s') AS audio_s,
       analytics.number(ended.usage -> 'wall_s')
           / nullif(analytics.number(ended.usage -> 'audio_s'), 0) AS rtf,
       CASE WHEN ended.usage IS NOT NULL THEN coalesce(ended.usage ->> 'device', 'cpu') END AS device,
       analytics.whole(ended.usage -> 'peak_rss') AS peak_rss,
       analytics.whole(ended.usage -> 'peak_gpu') AS peak_gpu,
       analytics.whole(ended.usage -> 'tokens_in') AS tokens_in,
       analytics.whole(ended.usage -> 'tokens_out') AS tokens_out,
       analytics.number(ended.usage -> 'cost_usd') AS cost_usd
FROM (
    SELECT e.job, e.tenant, e.time, d.stage, analytics.whole(d.token) AS attempt, d.engine
    FROM events AS e,
         jsonb_to_record(analytics.payload(e.data)) AS d (stage text, token jsonb, engine text)
    WHERE e.type = 'stage.ready'
) AS ready
LEFT JOIN (
    SELECT e.job, e.time, d.stage, analytics.whole(d.token) AS attempt, d.owner, d.engine_version
    FROM events AS e,
         jsonb_to_record(analytics.payload(e.data))
             AS d (stage text, token jsonb, owner text, engine_version text)
    WHERE e.type = 'stage.started'
) AS started USING (job, stage, attempt)
LEFT JOIN (
    SELECT e.job, e.time, e.type, d.stage, analytics.whole(d.token) AS attempt, d.owner, d.cause,
           d.kind, coalesce(d.reason, '') AS reason, d.usage
    FROM events AS e,
         jsonb_to_record(analytics.payload(e.data))
             AS d (stage text, token jsonb, owner text, cause text, kind text, reason text,
                   usage jsonb)
    WHERE e.type IN ('stage.completed', 'stage.failed', 'stage.lost')
) AS ended USING (job, stage, attempt)
LEFT JOIN stages AS now ON now.job = ready.job AND now.stage = ready.stage
WHERE (SELECT analytics.tenant()) IN (ready.tenant, '*');

CREATE OR REPLACE VIEW analytics.segments WITH (security_barrier) AS
SELECT s.job, s.n, s.tenant, s.start AS start_s, s."end" AS end_s,
       s."end" - s.start AS seconds, s.speaker, s.text
FROM segments AS s
WHERE (SELECT analytics.tenant()) IN (s.tenant, '*')
  AND s.job NOT IN (SELECT id FROM jobs WHERE erased);

CREATE OR REPLACE VIEW analytics.talk WITH (security_barrier) AS
SELECT s.job, s.tenant, s.speaker, count(*) AS segments, sum(s."end" - s.start) AS talk_s,
       min(s.start) AS first_s, max(s."end") AS last_s
FROM segments AS s
WHERE (SELECT analytics.tenant()) IN (s.tenant, '*')
  AND s.job NOT IN (SELECT id FROM jobs WHERE erased)
GROUP BY s.job, s.tenant, s.speaker;

CREATE OR REPLACE VIEW analytics.edits WITH (security_barrier) AS
SELECT e.job, e.rev, e.tenant, e.time, e.type, e.data ->> 'speaker' AS speaker,
       e.data ->> 'name' AS name, analytics.whole(e.data -> 'segment') AS segment,
       e.data ->> 'text' AS text, e.meta
FROM (
    SELECT e.job, e.rev, e.tenant, e.time, e.type,
           CASE WHEN e.job IN (SELECT id FROM jobs WHERE erased) THEN '{}'
                ELSE analytics.payload(e.meta) END AS meta,
           CASE WHEN e.job IN (SELECT id FROM jobs WHERE erased) THEN '{}'
                ELSE analytics.payload(e.data) END AS data
    FROM events AS e
    WHERE e.type IN ('speaker.renamed', 'transcript.edited')
) AS e
WHERE (SELECT analytics.tenant()) IN (e.tenant, '*');
