"""The archive, its checkpoints, what is folded from it, the text index and the submissions."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE checkpoints (
    name TEXT NOT NULL,
    seq BIGINT NOT NULL,
    id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    moved_at timestamptz DEFAULT now() NOT NULL,
    PRIMARY KEY (name)
);
CREATE TABLE events (
    seq BIGINT NOT NULL,
    id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    type TEXT NOT NULL,
    time timestamptz NOT NULL,
    job TEXT NOT NULL,
    rev INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    prev TEXT NOT NULL,
    meta TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (seq),
    CONSTRAINT events_id UNIQUE (id)
);
CREATE INDEX events_job ON events (job, seq);
CREATE TABLE jobs (
    id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    status TEXT NOT NULL,
    rev INTEGER NOT NULL,
    filename TEXT NOT NULL,
    submitted_at timestamptz NOT NULL,
    ended_at timestamptz,
    deadline timestamptz,
    audio_s DOUBLE PRECISION,
    erased BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (id)
) WITH (fillfactor = 80);
CREATE INDEX jobs_deadline ON jobs (deadline) WHERE deadline IS NOT NULL AND ended_at IS NULL;
CREATE INDEX jobs_live ON jobs (id) WHERE ended_at IS NULL;
CREATE INDEX jobs_tenant ON jobs (tenant, id);
CREATE TABLE segments (
    job TEXT NOT NULL,
    n INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    start DOUBLE PRECISION NOT NULL,
    "end" DOUBLE PRECISION NOT NULL,
    speaker TEXT,
    text TEXT NOT NULL,
    words TSVECTOR GENERATED ALWAYS AS (to_tsvector('simple', text)) STORED NOT NULL,
    PRIMARY KEY (job, n)
);
CREATE INDEX segments_words ON segments USING gin (words);
CREATE TABLE stages (
    job TEXT NOT NULL,
    stage TEXT NOT NULL,
    tenant TEXT NOT NULL,
    engine TEXT NOT NULL,
    status TEXT NOT NULL,
    token INTEGER NOT NULL,
    owner TEXT NOT NULL,
    model TEXT,
    ready_at timestamptz,
    started_at timestamptz,
    ended_at timestamptz,
    due_at timestamptz,
    wall_s DOUBLE PRECISION NOT NULL,
    audio_s DOUBLE PRECISION,
    peak_rss BIGINT,
    failed INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    preempted INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (job, stage)
) WITH (fillfactor = 80);
CREATE INDEX stages_active ON stages (engine) WHERE status IN ('ready', 'running');
CREATE INDEX stages_due ON stages (due_at) WHERE status = 'retrying';
CREATE TABLE submissions (
    id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    idempotency_key TEXT,
    fingerprint TEXT NOT NULL,
    filename TEXT NOT NULL,
    source TEXT NOT NULL,
    request TEXT NOT NULL,
    again_from TEXT,
    accepted_at timestamptz NOT NULL,
    landed BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT submissions_key UNIQUE (tenant, idempotency_key)
);
CREATE INDEX submissions_waiting ON submissions (accepted_at) WHERE NOT landed;
CREATE TABLE unknown_events (
    type TEXT NOT NULL,
    count BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    PRIMARY KEY (type)
)
"""


def upgrade() -> None:
    """Make every table."""
    for statement in TABLES.split(";\n"):
        op.execute(statement)
